import type { ProviderFactory } from "../../engine/provider";
import { commandProvider } from "../command";
import { dockerProvider } from "../docker";

/** The providers that can be plugins, by package. What they make carries the program's own labels and no others. */
export const served: Readonly<Record<string, ProviderFactory>> = {
  docker: () => dockerProvider(),
  command: () => commandProvider(),
};
