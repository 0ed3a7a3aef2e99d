import { rmSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Project, PropertyMap, PropertyValue, ProviderFactory } from "../../engine";
import type { Masker } from "../../engine/deployment/masker";
import { temporaryFolder } from "../../engine/temporary-folder";
import { isMap, Secret, someValue, Unknown, UNKNOWN_SENTINEL, withoutOutputs } from "../../engine/values";
import {
  type InputValue,
  nameInUrn,
  notKnown,
  type PreviewedResource,
  SecretInput,
} from "../../report/comparison/resource";
import { enterProgramFolder } from "../folder";
import { withMethods } from "../followed-containers";
import type { Engine } from "../host";

/** The program fails, or its resources do; the message says why. */
export class PreviewError extends Error {
  override readonly name = "PreviewError";
}

export interface PreviewOptions {
  project: Project;
  stack: string;
  config: Record<string, string>;
  configFile?: string;
  providers: Record<string, ProviderFactory>;
  masker: Masker;
  signal: AbortSignal;
  parallel?: number;
  /** Runs the program in a process of its own. */
  isolated: boolean;
  /** What the program writes, and warnings; errors are in what it rejects with. */
  say(text: string): void;
  /** Makes texts of this stack comparable with those of another one. */
  normalize(text: string): string;
}

/**
 * Runs the program as though nothing had been made yet, and makes nothing. The project's own state isn't looked at.
 *
 * Rejects with a {@link PreviewError} where the program fails, with a `UserError` where its settings can't be read.
 */
export async function previewStack(engine: Engine, options: PreviewOptions): Promise<PreviewedResource[]> {
  const { project, stack: name, config, configFile, masker, signal, parallel } = options;
  const state = temporaryFolder("state");
  const checked = new Map<string, PropertyMap>();
  const states = new Map<string, StateInStep>();
  const secrets = new Set<string>();
  const seen = (urn: string, inputs: PropertyMap) => checked.set(urn, inputs);
  const before = process.cwd();
  try {
    enterProgramFolder(project);
    const stack = await engine.openStack({
      project,
      name,
      create: true,
      env: { ...process.env, PULUMI_BACKEND_URL: pathToFileURL(state).href },
      config,
      ...(configFile ? { configFile } : {}),
    });
    const result = await engine.runOperation(stack, {
      kind: "preview",
      providers: Object.fromEntries(
        Object.entries(options.providers).map(([name, factory]) => [name, watched(factory, seen)]),
      ),
      isolated: options.isolated,
      masker: { ...masker, learn: (value) => (collectSecrets(value, secrets), masker.learn(value)) },
      signal,
      ...(parallel === undefined ? {} : { parallel }),
      onEvent({ diagnosticEvent: said }) {
        if (said && !said.ephemeral && (said.severity === "warning" || said.severity.startsWith("info"))) {
          options.say(`${said.urn ? `${nameInUrn(said.urn)}: ` : ""}${said.message.trimEnd()}`);
        }
      },
      onStep({ newState }) {
        if (newState) states.set(newState.urn, newState as unknown as StateInStep);
      },
    });
    if (result.result !== "succeeded") {
      const { urn, message } = result.errors[0] ?? { message: result.cancelled ? "it was interrupted" : "it failed" };
      throw new PreviewError(`${urn ? `${nameInUrn(urn)}: ` : ""}${masker.mask(withoutTrace(message))}`);
    }
    return [...states.values()].map((state) => {
      const { urn, type, custom, dependencies = [], propertyDependencies } = state;
      const inputs = toInputs(state.inputs ?? {}, checked.get(urn) ?? {}, secrets, options.normalize);
      const byProperty = withLists(propertyDependencies);
      return { urn, type, custom: Boolean(custom), inputs, dependencies, propertyDependencies: byProperty };
    });
  } finally {
    process.chdir(before);
    rmSync(state, { recursive: true, force: true });
  }
}

/** The program's own words; where in it that was is to be seen in its own preview. */
function withoutTrace(message: string): string {
  const lines = message.split("\n").filter((line) => line.trim() !== "" && !/^\s+at /.test(line));
  return lines.filter((line) => !/^Running program .* failed with an unhandled exception:$/.test(line)).join("\n");
}

interface StateInStep {
  urn: string;
  type: string;
  custom?: boolean;
  inputs?: PropertyMap;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[] | null>;
}

function withLists(lists: Record<string, string[] | null> = {}): Record<string, string[]> {
  return Object.fromEntries(Object.entries(lists).map(([name, urns]) => [name, urns ?? []]));
}

function watched(factory: ProviderFactory, seen: (urn: string, inputs: PropertyMap) => void): ProviderFactory {
  return () => {
    const inner = factory();
    return withMethods(inner, {
      check: async (request, context) => {
        const response = await inner.check(request, context);
        seen(request.urn, withoutOutputs(response.inputs));
        return response;
      },
    });
  };
}

/** A provider may get secrets in the clear; the program's own inputs tell which of their texts are secret. */
function collectSecrets(value: PropertyValue | undefined, secrets: Set<string>): void {
  someValue(value, (inner) => {
    if (!(inner instanceof Secret)) return false;
    return someValue(inner.element, (text) => typeof text === "string" && text !== "" && !secrets.add(text));
  });
}

/**
 * The inputs as the provider has checked them, where it is one of ours, else as the step tells them.
 *
 * @param told those of the step, in which `[secret]` stands for all that has a secret in it
 */
function toInputs(
  told: PropertyMap,
  checked: PropertyMap,
  secrets: Set<string>,
  normalize: (text: string) => string,
): PreviewedResource["inputs"] {
  const inputs: PreviewedResource["inputs"] = {};
  for (const [key, value] of Object.entries({ ...told, ...checked })) {
    const input = toInput(value, secrets, normalize);
    inputs[key] = told[key] === "[secret]" && !hasSecret(input) ? new SecretInput(input) : input;
  }
  return inputs;
}

function toInput(value: PropertyValue, secrets: Set<string>, normalize: (text: string) => string): InputValue {
  const inner = (value: PropertyValue) => toInput(value, secrets, normalize);
  if (value instanceof Unknown || value === UNKNOWN_SENTINEL) return notKnown;
  if (value instanceof Secret) return new SecretInput(inner(value.element));
  if (typeof value === "string") return secrets.has(value) ? new SecretInput(normalize(value)) : normalize(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(inner);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, inner(element)]));
  // Assets, archives and references.
  return JSON.stringify(value);
}

function hasSecret(value: InputValue): boolean {
  if (value instanceof SecretInput) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasSecret);
}
