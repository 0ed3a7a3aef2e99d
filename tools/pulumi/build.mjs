#!/usr/bin/env node
// Builds the Pulumi CLI that go.mod pins, once, into the user's cache, and prints the folder that holds bin/pulumi.
//
//   node tools/pulumi/build.mjs             builds it where it isn't there
//   node tools/pulumi/build.mjs --cached    exits with 1 where it isn't there
import { buildWithGo } from "../build-with-go.mjs";

await buildWithGo({
  directory: import.meta.dirname,
  name: "pulumi",
  title: "the Pulumi CLI",
  module: "github.com/pulumi/pulumi/pkg/v3",
  package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  versionVariable: "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
  cost: "about six minutes on two cores, and 4 GB in Go's caches",
});
