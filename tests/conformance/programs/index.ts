import { basics } from "./basics";
import { commands } from "./commands";
import { failures } from "./failures";
import { flags } from "./flags";
import { options } from "./options";
import { values } from "./values";
import { refusals } from "./refusals";
import type { Program } from "../program";

export const programs: Program[] = [...basics, ...options, ...values, ...flags, ...failures, ...commands];
export { refusals };
