/**
 * Calls to a provider, with each value in the form that this provider understands: secrets and resource references
 * are stripped where it doesn't take them, and secrets are marked again in what comes back.
 */
import type {
  Capabilities,
  CheckRequest,
  CheckResponse,
  CreateRequest,
  DiffRequest,
  DiffResponse,
  UpdateRequest,
} from "../provider";
import {
  changedKeys,
  containsSecret,
  diffMaps,
  isMap,
  mapValue,
  type PropertyMap,
  ResourceReference,
  resetPath,
  Secret,
  tryParsePath,
  withoutOutputs,
  withoutSecrets,
} from "../values";
import type { ContextFor, ProviderInstance } from "./provider-registry";

const PLAIN: Capabilities = { acceptSecrets: false, acceptResources: false, supportsPreview: false };

function outgoing(map: PropertyMap, { acceptSecrets, acceptResources }: Capabilities): PropertyMap {
  let result = withoutOutputs(map);
  if (!acceptSecrets) result = withoutSecrets(result);
  if (!acceptResources) {
    result = mapValue(result, (value) =>
      value instanceof ResourceReference ? (value.id === undefined ? value.urn : value.id) : undefined,
    ) as PropertyMap;
  }
  return result;
}

/** Marks in `outs` what was secret in `ins`: entries of maps one by one, a list as a whole. */
export function markSecrets(outs: PropertyMap, ins: PropertyMap): PropertyMap {
  const result = { ...outs };
  for (const [key, input] of Object.entries(ins)) {
    const output = result[key];
    if (output === undefined || output instanceof Secret) continue;
    if (input instanceof Secret) result[key] = new Secret(withoutSecrets(output));
    else if (isMap(input) && isMap(output)) result[key] = markSecrets(output, input);
    else if (Array.isArray(input) && containsSecret(input)) result[key] = new Secret(withoutSecrets(output));
  }
  return result;
}

export async function callCheck(
  { provider, capabilities }: ProviderInstance,
  request: CheckRequest,
  contextFor: ContextFor,
): Promise<CheckResponse> {
  if (!capabilities) return { inputs: request.news }; // not configured yet: nothing can be said of the inputs
  const news = withoutOutputs(request.news);
  const response = await provider.check(
    { ...request, olds: outgoing(request.olds, capabilities), news: outgoing(news, capabilities) },
    contextFor(request.urn),
  );
  return capabilities.acceptSecrets ? response : { ...response, inputs: markSecrets(response.inputs, news) };
}

/** Where the provider doesn't say what differs, the inputs are compared. */
export async function callDiff(
  { provider, capabilities }: ProviderInstance,
  request: DiffRequest,
  contextFor: ContextFor,
): Promise<DiffResponse> {
  let response: DiffResponse = { changes: "unknown" };
  if (capabilities) {
    response = await provider.diff(
      {
        ...request,
        oldInputs: outgoing(request.oldInputs, capabilities),
        olds: outgoing(request.olds, capabilities),
        news: outgoing(request.news, capabilities),
      },
      contextFor(request.urn),
    );
  }
  if (response.changes !== "unknown") return response;
  const news = request.ignoreChanges.reduce((map, text) => {
    const path = tryParsePath(text);
    return path ? resetPath(map, request.oldInputs, path) : map;
  }, request.news);
  // Whether a value is a secret is no difference.
  const [before, after] = [withoutSecrets(request.oldInputs), withoutSecrets(withoutOutputs(news))];
  const diffs = changedKeys(before, after);
  if (diffs.length === 0) return { ...response, changes: "none" };
  return { ...response, changes: "some", diffs, detailedDiff: diffMaps(before, after) };
}

export async function callCreate(
  { provider, capabilities }: ProviderInstance,
  request: CreateRequest,
  contextFor: ContextFor,
): Promise<{ id: string; outputs: PropertyMap; refreshBeforeUpdate: boolean }> {
  const can = capabilities ?? PLAIN;
  if (request.preview && !can.supportsPreview)
    return { id: "", outputs: request.properties, refreshBeforeUpdate: false };
  const properties = outgoing(request.properties, can);
  const response = await provider.create({ ...request, properties }, contextFor(request.urn));
  const { id, properties: outputs, refreshBeforeUpdate = false } = response;
  return { id, outputs: incoming(outputs, request.properties, can), refreshBeforeUpdate };
}

export async function callUpdate(
  { provider, capabilities }: ProviderInstance,
  request: UpdateRequest,
  contextFor: ContextFor,
): Promise<{ outputs: PropertyMap; refreshBeforeUpdate?: boolean }> {
  const can = capabilities ?? PLAIN;
  if (request.preview && !can.supportsPreview) return { outputs: { ...request.olds, ...request.news } };
  const response = await provider.update(
    {
      ...request,
      oldInputs: outgoing(request.oldInputs, can),
      olds: outgoing(request.olds, can),
      news: outgoing(request.news, can),
    },
    contextFor(request.urn),
  );
  const { properties: outputs, refreshBeforeUpdate = false } = response;
  return { outputs: incoming(outputs, request.news, can), refreshBeforeUpdate };
}

export function incoming(outputs: PropertyMap, inputs: PropertyMap, can: Capabilities): PropertyMap {
  return can.acceptSecrets ? outputs : markSecrets(outputs, inputs);
}

/** For calls that take the state as it is: read and delete. */
export function outgoingState(map: PropertyMap, { capabilities }: ProviderInstance): PropertyMap {
  return outgoing(map, capabilities ?? PLAIN);
}
