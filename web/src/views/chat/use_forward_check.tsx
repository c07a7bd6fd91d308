import { useCallback, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ChatSummary, OutgoingFile } from "@/domain/engine";
import type { GuardedContent } from "@/domain/forward_guard/fingerprint";
import { ConfirmDialog } from "../common/Dialog";
import { useFormats } from "../common/locale";
import { showToast } from "../common/Toasts";
import { describeLimit, targetOf } from "./forward_limits";
import { useForwardGuard } from "./guard_context";

export interface ForwardCheck {
  /** Calls back with the text's hop if it may go out here: at once, or when it was confirmed. */
  readonly checkText: (text: string, send: (hop: number) => void) => void;
  /** The same for files, which are given back with their hops. */
  readonly checkFiles: (files: readonly OutgoingFile[], send: (files: readonly OutgoingFile[]) => void) => void;
  /** To be drawn: the question that is asked once. */
  readonly asked: ReactNode;
}

/** Holds what is typed, pasted or uploaded to the forward ladder: what others sent counts as forwarded, and what reads like a chain letter is asked about once. */
export function useForwardCheck({ roomId, kind }: Pick<ChatSummary, "roomId" | "kind">): ForwardCheck {
  const { t } = useTranslation();
  const formats = useFormats();
  const guard = useForwardGuard();
  const [asking, setAsking] = useState<{ readonly send: () => void } | null>(null);

  const check = useCallback((contents: readonly GuardedContent[], send: (hops: readonly number[]) => void) => {
    const targets = [targetOf({ roomId, kind })];
    const decisions = contents.map((content) => guard.inspectComposed(content));
    const refused = decisions.find((decision, at) => !guard.mayForward(decision, contents[at]!, targets));
    if (refused) {
      showToast({ text: describeLimit(refused, t, formats), tone: "danger" });
      return;
    }
    const go = () => {
      decisions.forEach((decision, at) => (decision.kind === "forward" ? guard.recordForward(contents[at]!, targets) : guard.noteOwn(contents[at]!)));
      send(decisions.map(({ hop }) => hop));
    };
    if (decisions.some(({ confirm }) => confirm)) setAsking({ send: go });
    else go();
  }, [guard, roomId, kind, t, formats]);

  const checkText = useCallback((text: string, send: (hop: number) => void) => check([{ text }], ([hop = 0]) => send(hop)), [check]);
  const checkFiles = useCallback((files: readonly OutgoingFile[], send: (files: readonly OutgoingFile[]) => void) => {
    const contents = files.map(({ sha256, caption }): GuardedContent => ({ ...(sha256 ? { fileSha256: sha256 } : {}), ...(caption ? { text: caption } : {}) }));
    check(contents, (hops) => send(files.map((file, at) => ({ ...file, hop: hops[at] ?? 0 }))));
  }, [check]);

  const asked = <ConfirmDialog open={asking !== null} onOpenChange={() => setAsking(null)} title={t("forward.confirm_title")} description={t("forward.confirm_text")} confirm={t("forward.confirm_send")} onConfirm={() => asking?.send()} />;
  return { checkText, checkFiles, asked };
}
