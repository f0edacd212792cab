// The hooks that the policy has, as `javascript/entry.js` wants them.

import * as kotlin from "./kotlin/policy.mjs";

const { admit, audience, authorize, configure, decide, render } = kotlin;
const where = (hook, functions) => (kotlin.has(hook) ? functions : undefined);

export const lifecycle = where("lifecycle", { configure });
export const admission = where("admission", { admit });
export const channelVisibility = where("channelVisibility", { audience, decide });
export const commands = where("commands", { authorize });
export const events = where("events", { render });
