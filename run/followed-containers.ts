import type { EngineEvent, PropertyMap, PropertyValue, Provider, ProviderFactory } from "../engine";
import { UserError } from "../engine/api";
import { withoutSecrets } from "../engine/values";
import { label } from "./identity";

const containerType = "docker:index/container:Container";

/** What the run needs to know of a container while the engine makes it. */
export interface FollowedContainer {
  urn: string;
  /** The last part of the URN. */
  resource: string;
  /** Docker's id, once there is one. */
  id?: string;
  /** Docker's name, where the program gives it one. */
  name?: string;
  role?: string;
  attached: boolean;
  /** By itself it may end with 0 at any time. */
  mayEnd: boolean;
}

export interface FollowListener {
  /** The tests container is about to be made and run. */
  onTestsStarting?(container: FollowedContainer): void;
  /** It has been run to its end, or that failed. */
  onTestsEnded?(container: FollowedContainer): void;
}

/** What the run knows of the containers that the engine makes. */
export interface FollowedContainers {
  /** To be given to the engine in place of the Docker provider's own. */
  factory: ProviderFactory;
  /** Learns from an event what `factory` would tell; for an engine whose providers are processes of their own. */
  event(event: EngineEvent): void;
  byId(id: string): FollowedContainer | undefined;
  byName(name: string): FollowedContainer | undefined;
  byUrn(urn: string): FollowedContainer | undefined;
  /** The engine itself removes the container: that it ends is no news. */
  isBeingRemoved(id: string): boolean;
  /** The tests container, as soon as the engine has asked for it. */
  tests(): FollowedContainer | undefined;
}

/**
 * Stands between the engine and the Docker provider: learns which container is the tests', and gives it `testsCommand`
 * in place of its own. The tests container is the one labelled `dev.seatrial.role=tests`; in a program that labels
 * none, the attached one.
 */
export function followContainers(
  docker: ProviderFactory,
  options: { testsCommand?: string[] } & FollowListener,
): FollowedContainers {
  const byUrn = new Map<string, FollowedContainer>();
  const byId = new Map<string, FollowedContainer>();
  const removed = new Set<string>();
  let commanded: string | undefined;

  function follow(urn: string, resource: string, inputs: PropertyMap): FollowedContainer {
    const container = { ...byUrn.get(urn), urn, resource, ...describeInputs(inputs) };
    byUrn.set(urn, container);
    return container;
  }

  function tests(): FollowedContainer | undefined {
    const all = [...byUrn.values()];
    // The program's order is the order of its dependencies: what is attached last is the tests, not a migration.
    return all.find((container) => container.role === "tests") ?? all.filter(isUnlabelledTests).at(-1);
  }

  function withCommand(urn: string, container: FollowedContainer, news: PropertyMap): PropertyMap {
    if (!options.testsCommand || !isTests(container)) return news;
    if (commanded !== undefined && commanded !== urn && container.role !== "tests") {
      throw new UserError(
        `which container are the tests? Both ${nameInUrn(commanded)} and ${container.resource} are attached: ` +
          `give one of them the label ${label.role}=tests`,
      );
    }
    commanded = urn;
    return { ...news, command: options.testsCommand };
  }

  const factory: ProviderFactory = () => {
    const inner = docker();
    return withMethods(inner, {
      check: async (request, context) => {
        if (request.type !== containerType) return await inner.check(request, context);
        const container = follow(request.urn, request.name, request.news);
        return await inner.check({ ...request, news: withCommand(request.urn, container, request.news) }, context);
      },
      diff: async (request, context) => {
        const response = await inner.diff(request, context);
        const container = byUrn.get(request.urn);
        // Made anew though nothing changed, by rerun, it still can't be there twice under its name.
        return container && isTests(container) ? { ...response, deleteBeforeReplace: true } : response;
      },
      create: async (request, context) => {
        if (request.type !== containerType || request.preview) return await inner.create(request, context);
        const container = follow(request.urn, request.name, request.properties);
        const followed = isTests(container);
        if (followed) options.onTestsStarting?.(container);
        try {
          const response = await inner.create(request, context);
          remember(container, response.id);
          return response;
        } catch (error) {
          const { id } = error as { id?: unknown };
          if (typeof id === "string") remember(container, id);
          throw error;
        } finally {
          if (followed) options.onTestsEnded?.(container);
        }
      },
      delete: async (request, context) => {
        removed.add(request.id);
        return await inner.delete(request, context);
      },
    });
  };

  function remember(container: FollowedContainer, id: string): void {
    container.id = id;
    byId.set(id, container);
  }

  return {
    factory,
    event({ resourcePreEvent, resOutputsEvent, resOpFailedEvent }) {
      const metadata = (resourcePreEvent ?? resOutputsEvent ?? resOpFailedEvent)?.metadata;
      if (metadata?.type !== containerType) return;
      const { urn, op, new: state, old } = metadata;
      if (op === "delete" || op === "delete-replaced") {
        if (old?.id) removed.add(old.id);
      } else if (state && (op === "create" || op === "create-replacement")) {
        const container = follow(urn, nameInUrn(urn), state.inputs as PropertyMap);
        if (state.id) remember(container, state.id);
        if (isTests(container)) (resourcePreEvent ? options.onTestsStarting : options.onTestsEnded)?.(container);
      }
    },
    byId: (id) => byId.get(id),
    byName: (name) => [...byUrn.values()].find((container) => container.name === name),
    byUrn: (urn) => byUrn.get(urn),
    isBeingRemoved: (id) => removed.has(id),
    tests,
  };
}

/** True for what may be the tests container: labelled so, or attached where nothing says what it is. */
export function isTests(container: Pick<FollowedContainer, "role" | "attached">): boolean {
  return container.role === "tests" || isUnlabelledTests(container);
}

function isUnlabelledTests(container: Pick<FollowedContainer, "role" | "attached">): boolean {
  return container.role === undefined && container.attached;
}

/** What a container's inputs or outputs say of it. */
export function describeInputs(inputs: PropertyMap): Pick<FollowedContainer, "name" | "role" | "attached" | "mayEnd"> {
  const { name, labels, attach, mustRun } = withoutSecrets(inputs);
  const role = labelsOf(labels)[label.role];
  return {
    ...(typeof name === "string" ? { name } : {}),
    ...(role ? { role } : {}),
    attached: attach === true,
    mayEnd: mustRun === false,
  };
}

/** The provider's list of `{label, value}` as a record. */
export function labelsOf(labels: PropertyValue | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  for (const entry of Array.isArray(labels) ? labels : []) {
    const { label: name, value } = (entry ?? {}) as { label?: unknown; value?: unknown };
    if (typeof name === "string" && typeof value === "string") result[name] = value;
  }
  return result;
}

/** The resource's name: what stands after the URN's last `::`. */
export function nameInUrn(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}

/** The provider with some of its methods in place of its own. */
export function withMethods(provider: Provider, methods: Partial<Provider>): Provider {
  return new Proxy(provider, {
    get(target, key) {
      const method = methods[key as keyof Provider];
      if (method) return method;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
