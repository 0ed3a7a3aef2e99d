/** Between protobuf's `Struct` and property maps. */
import { Struct, Value } from "google-protobuf/google/protobuf/struct_pb";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import {
  fromWire,
  fromWireMap,
  type JsonObject,
  type PropertyMap,
  type PropertyValue,
  toWire,
  toWireMap,
  type WireOptions,
} from "../values";

export function fromStruct(struct: Struct | undefined): PropertyMap {
  return struct ? fromWireMap(struct.toJavaScript() as Record<string, unknown>) : {};
}

export function fromValue(value: Value | undefined): PropertyValue | undefined {
  return value ? fromWire(value.toJavaScript()) : undefined;
}

export function toValue(value: PropertyValue, options: WireOptions): Value {
  return Value.fromJavaScript(toWire(value, options) as JavaScriptValue);
}

export function toStruct(map: PropertyMap, options: WireOptions): Struct {
  return jsonToStruct(toWireMap(map, options));
}

export function jsonToStruct(json: JsonObject): Struct {
  return Struct.fromJavaScript(json as { [key: string]: JavaScriptValue });
}
