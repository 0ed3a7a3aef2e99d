/** `docker:*` resources and functions over the Docker Engine API, as the official provider has them. */
export { dockerProvider, type DockerProviderOptions } from "./provider";
export { apiVersion, connectEngine, EngineUnavailableError } from "./engine/connect";
