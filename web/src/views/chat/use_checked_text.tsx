import { useCallback, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ChatSummary } from "@/domain/engine";
import { ConfirmDialog } from "../common/Dialog";
import { showToast } from "../common/Toasts";
import { useForwardGuard } from "./guard_context";

/** Holds what is typed or pasted to the forward ladder: somebody else's words count as forwarded, and what reads like a chain letter is asked about once. */
export function useCheckedText(roomId: string, summary: ChatSummary): { readonly checkText: (text: string, send: (hop: number) => void) => void; readonly asked: ReactNode } {
  const { t } = useTranslation();
  const guard = useForwardGuard();
  const [asking, setAsking] = useState<{ readonly send: () => void } | null>(null);
  const isGroup = summary.kind !== "direct" && summary.kind !== "notes";
  const checkText = useCallback((text: string, send: (hop: number) => void) => {
    const content = { text };
    const decision = guard.inspectComposed(content);
    if (!guard.mayForward(decision, content, [{ roomId, isGroup }])) {
      showToast({ text: t("forward.none_left"), tone: "danger" });
      return;
    }
    const go = () => {
      if (decision.kind === "forward") guard.recordForward(content, [{ roomId, isGroup }]);
      send(decision.hop);
    };
    if (decision.confirm) setAsking({ send: go });
    else go();
  }, [guard, roomId, isGroup, t]);
  const asked = <ConfirmDialog open={asking !== null} onOpenChange={() => setAsking(null)} title={t("forward.confirm_title")} description={t("forward.confirm_text")} confirm={t("forward.confirm_send")} onConfirm={() => asking?.send()} />;
  return { checkText, asked };
}
