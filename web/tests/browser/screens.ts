import { CHAT_SCREENS } from "./screens/chats.ts";
import { PLACE_SCREENS } from "./screens/places.ts";
import type { Screen } from "./screens/ways.ts";

/** Everything that is seen once one is signed in, but for what takes two (`look_together.ts`). */
export const SCREENS: readonly Screen[] = [...CHAT_SCREENS, ...PLACE_SCREENS];
