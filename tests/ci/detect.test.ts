import { detectJob } from "../../ci/detect";
import { environments } from "./environments";

test.each(Object.entries(environments))("%s", (_, { env, job }) => {
  expect(detectJob(env)).toEqual(job);
});
