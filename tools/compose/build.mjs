#!/usr/bin/env node
// Builds Docker Compose as go.mod pins it, once, into the user's cache, and prints the folder that holds
// bin/docker-compose. It is what `npm run bench` compares with where none is installed.
//
//   node tools/compose/build.mjs             builds it where it isn't there
//   node tools/compose/build.mjs --cached    exits with 1 where it isn't there
import { buildWithGo } from "../build-with-go.mjs";

await buildWithGo({
  directory: import.meta.dirname,
  name: "docker-compose",
  title: "Docker Compose",
  module: "github.com/docker/compose/v2",
  package: "github.com/docker/compose/v2/cmd",
  versionVariable: "github.com/docker/compose/v2/internal.Version",
  cost: "about three minutes on two cores, and 2 GB in Go's caches",
});
