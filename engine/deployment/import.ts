/**
 * Import: existing resources are taken into the state with no program that asks for them.
 *
 * Source: `pkg/resource/deploy/import.go` in pulumi/pulumi.
 */
import { type ImportRequest, UserError } from "../api";
import type { ProviderFactory } from "../provider";
import { newState, type ResourceState } from "../resource";
import {
  formatProviderReference,
  isProviderType,
  makeUrn,
  packageOf,
  providerType,
  ROOT_STACK_TYPE,
  urnName,
} from "../urn";
import { type Deployment, emptyGoal } from "./deployment";
import { sameStep } from "./step";

export interface ImportTarget {
  stack: string;
  project: string;
  /** What the stack has already. */
  resources: ResourceState[];
  providers: Record<string, ProviderFactory>;
}

/** A request whose place is known. */
interface PlacedRequest extends ImportRequest {
  urn: string;
  parentUrn: string;
}

/**
 * Reads each resource and puts it into the state. What is there stays as it is. Whatever makes a request impossible is
 * reported before anything is read; throws a UserError where a request can't be understood.
 */
export async function importResources(
  deployment: Deployment,
  requests: ImportRequest[],
  target: ImportTarget,
): Promise<void> {
  const present = target.resources.filter((state) => !state.delete);
  const placed = place(requests, target);
  const problems = placed.flatMap((request) => problemOf(request, placed, present, target));
  for (const problem of problems) deployment.programFailed(problem);
  if (problems.length > 0) return;

  // One after the other, so that they keep their order, and ahead of what is to depend on them.
  for (const state of present) await deployment.runAll([sameStep(state, { ...state })]);
  const stack = stackUrn(target);
  if (!present.some(({ urn }) => urn === stack)) await deployment.register(emptyStack(urnName(stack)));
  for (const request of placed) {
    const { type, name, id, urn, parentUrn, protect } = request;
    const provider = id ? await providerOf(request, present, target, deployment) : "";
    const goal = { ...emptyGoal(type, name), custom: id !== "", parent: parentUrn, provider, protect, importId: id };
    await deployment.runAll([{ op: "import", urn, new: newState(goal, urn), logical: true, asFound: true }]);
  }
}

const emptyStack = (name: string): ReturnType<typeof emptyGoal> => ({
  ...emptyGoal(ROOT_STACK_TYPE, name),
  custom: false,
});

const stackUrn = ({ stack, project }: ImportTarget): string =>
  makeUrn(stack, project, "", ROOT_STACK_TYPE, `${project}-${stack}`);

/** The requests with their URNs, each after the one that is its parent. */
function place(requests: ImportRequest[], target: ImportTarget): PlacedRequest[] {
  const result = new Map<ImportRequest, PlacedRequest>();
  const under = new Set<ImportRequest>();
  const placeOne = (request: ImportRequest): PlacedRequest => {
    const done = result.get(request);
    if (done) return done;
    const { type, name, parent } = request;
    if (!/^[^:]+:[^:]*:[^:]+$/.test(type)) {
      throw new UserError(`"${type}" is not a resource type: <package>:<module>:<type> is expected`);
    }
    if (under.has(request)) throw new UserError(`the import of ${name} has itself among its parents`);
    under.add(request);
    const parentRequest = parent === undefined ? undefined : requests.find((other) => other.name === parent);
    const parentUrn = parentRequest ? placeOne(parentRequest).urn : (parent ?? stackUrn(target));
    if (!parentUrn.startsWith("urn:pulumi:")) {
      throw new UserError(`the parent "${parentUrn}" of ${name} is neither a URN nor another resource of the import`);
    }
    const urn = makeUrn(target.stack, target.project, parentUrn, type, name);
    const placed = { ...request, urn, parentUrn };
    result.set(request, placed);
    return placed;
  };
  for (const request of requests) placeOne(request);
  return [...result.values()];
}

function problemOf(
  request: PlacedRequest,
  all: PlacedRequest[],
  present: ResourceState[],
  target: ImportTarget,
): { urn: string; message: string }[] {
  const { urn, parentUrn, provider } = request;
  const isThere = (other: string): boolean => present.some((state) => state.urn === other);
  if (isThere(urn)) return [{ urn, message: `resource '${urn}' already exists in the stack` }];
  if (all.some((other) => other !== request && other.urn === urn)) {
    return [{ urn, message: `resource '${urn}' is to be imported twice` }];
  }
  if (parentUrn !== stackUrn(target) && !isThere(parentUrn) && !all.some((other) => other.urn === parentUrn)) {
    return [{ urn, message: `unknown parent '${parentUrn}' for resource '${urn}'` }];
  }
  if (provider !== undefined && !isThere(provider)) {
    return [{ urn, message: `unknown provider '${provider}' for resource '${urn}'` }];
  }
  return [];
}

/** The provider asked for, else the default one that the state has for the package, else a new one. */
async function providerOf(
  { type, provider, version }: ImportRequest,
  present: ResourceState[],
  { providers }: ImportTarget,
  deployment: Deployment,
): Promise<string> {
  const pkg = packageOf(type);
  const known = present.find((state) =>
    provider === undefined ? isDefaultFor(state, pkg, version) : state.urn === provider,
  );
  if (known) return formatProviderReference(known);
  return deployment.defaultProvider(pkg, version ?? providers[pkg]?.().version ?? "");
}

function isDefaultFor({ urn, type, inputs }: ResourceState, pkg: string, version: string | undefined): boolean {
  if (!isProviderType(type) || type !== providerType(pkg) || !/^default(_|$)/.test(urnName(urn))) return false;
  return version === undefined || inputs["version"] === version;
}
