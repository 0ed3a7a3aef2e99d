import type { EngineEvent } from "../engine/events";

/** Resources that are images: built, or pulled. */
const imageTypes = new Set([
  "docker:index/image:Image",
  "docker:index/remoteImage:RemoteImage",
  "docker-build:index:Image",
]);

/** Components of ours that make an image by commands. */
const imageComponents = ["seatrial:index:AppImage", "seatrial:index:BaseImages", "seatrial:index:SeededImage"];

/** Follows an update's events. @returns whether an image is being made at this moment */
export function followImages(): (event: EngineEvent) => boolean {
  const underWay = new Set<string>();
  return ({ resourcePreEvent, resOutputsEvent, resOpFailedEvent }) => {
    const begun = resourcePreEvent?.metadata;
    const ended = (resOutputsEvent ?? resOpFailedEvent)?.metadata;
    if (begun && begun.op !== "same" && makesImage(begun.urn)) underWay.add(begun.urn);
    if (ended) underWay.delete(ended.urn);
    return underWay.size > 0;
  };
}

/** By the resource's type, or that of a component around it: both stand in the URN, outermost first. */
export function makesImage(urn: string): boolean {
  const types = (urn.split("::")[2] ?? "").split("$");
  const own = types.pop() ?? "";
  return imageTypes.has(own) || (own.startsWith("command:") && types.some((type) => imageComponents.includes(type)));
}
