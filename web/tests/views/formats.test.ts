import { describe, expect, it } from "vitest";
import { VOICE_DURATION_MS_MIN } from "@/domain/media/limits";
import { buildFormats } from "@/views/common/formats";

describe("the clock beside a voice recording", () => {
  it("shows nothing that cannot be sent", () => {
    const { clock } = buildFormats("en");
    expect(clock(VOICE_DURATION_MS_MIN - 1)).toBe("0:00");
    expect(clock(VOICE_DURATION_MS_MIN)).toBe("0:01");
  });
});
