import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Chat } from "@/domain/engine";
import type { Message } from "@/domain/message";
import { useEngine } from "@/app/engine_context";
import { useReadable } from "../use_readable";
import { ConfirmDialog } from "../common/Dialog";
import { DeleteDialog } from "./DeleteDialog";
import { DetailsDialog } from "./DetailsDialog";
import { ForwardDialog } from "./ForwardDialog";
import { JumpToDateDialog } from "./JumpToDateDialog";
import { ReportDialog } from "./ReportDialog";
import type { ForwardCheck } from "./use_forward_check";

// Opened seldom, and big: fetched when first wanted.
const SendDialog = lazy(() => import("../media/SendDialog").then((module) => ({ default: module.SendDialog })));
const ChatViewer = lazy(() => import("./ChatViewer"));

export type OpenDialog =
  | { readonly type: "forward" | "delete"; readonly messages: readonly Message[] }
  | { readonly type: "details" | "media"; readonly message: Message }
  | { readonly type: "report"; readonly eventId: string | null }
  | { readonly type: "files"; readonly files: readonly File[]; readonly asFiles?: boolean }
  | { readonly type: "date" | "leave" };

export interface ChatDialogsProps {
  readonly chat: Chat;
  readonly dialog: OpenDialog | null;
  readonly replyTo: string | undefined;
  readonly checkFiles: ForwardCheck["checkFiles"];
  readonly onClose: (acted: boolean) => void;
  readonly onJumpToDate: (at: number) => void;
  readonly onLeave: () => void;
}

const moderatorLevel = 50;

export function ChatDialogs({ chat, checkFiles, dialog, replyTo, onClose, onJumpToDate, onLeave }: ChatDialogsProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const members = useReadable(chat.members);
  const close = () => onClose(false);
  switch (dialog?.type) {
    case undefined: return null;
    case "forward": return <ForwardDialog messages={dialog.messages} onClose={onClose} />;
    case "delete": return <DeleteDialog chat={chat} messages={dialog.messages} mayDeleteOthers={(members.find((member) => member.userId === engine.userId)?.powerLevel ?? 0) >= moderatorLevel} onClose={onClose} />;
    case "details": return <DetailsDialog chat={chat} message={dialog.message} onClose={close} />;
    case "report": return <ReportDialog chat={chat} eventId={dialog.eventId} onClose={close} />;
    case "files": return (
      <Suspense fallback={null}>
        <SendDialog files={dialog.files} asFiles={dialog.asFiles ?? false} {...(replyTo ? { replyTo } : {})} onSend={(files) => { checkFiles(files, (checked) => { for (const file of checked) chat.sendFile(file); }); onClose(true); }} onClose={close} />
      </Suspense>
    );
    case "media": return <Suspense fallback={null}><ChatViewer chat={chat} startId={dialog.message.id} onClose={close} /></Suspense>;
    case "date": return <JumpToDateDialog onJump={onJumpToDate} onClose={close} />;
    case "leave": return <ConfirmDialog open onOpenChange={close} title={t("chats.leave_title")} description={t("chats.leave_text")} confirm={t("chats.leave")} danger onConfirm={onLeave} />;
  }
}
