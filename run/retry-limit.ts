/** How often tests may be run again at most: with more, nobody could say what a pass is worth. */
export const mostRetries = 10;
