import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { ConfirmDialog } from "../common/Dialog";
import { useShowProblem } from "../common/Toasts";
import { NewChatDialog } from "./NewChatDialog";
import { NewFolderDialog } from "./NewFolderDialog";
import { StarredDialog } from "./StarredDialog";

export type ChatListDialog = { readonly type: "new-chat" | "starred" } | { readonly type: "folder" | "leave"; readonly chat: ChatSummary };

export interface ChatListDialogsProps {
  readonly dialog: ChatListDialog | null;
  readonly onClose: () => void;
  readonly onOpenChat: (roomId: string) => void;
  readonly onOpenLink: (link: string) => void;
  readonly onOpenMessage: (roomId: string, eventId: string) => void;
}

export function ChatListDialogs({ dialog, onClose, onOpenChat, onOpenLink, onOpenMessage }: ChatListDialogsProps) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  switch (dialog?.type) {
    case undefined: return null;
    case "new-chat": return <NewChatDialog onClose={onClose} onOpenChat={onOpenChat} onOpenLink={onOpenLink} />;
    case "starred": return <StarredDialog onClose={onClose} onOpenMessage={onOpenMessage} />;
    case "folder": return <NewFolderDialog onClose={onClose} onMake={(name) => void engine.openChat(dialog.chat.roomId).setListFlags({ folders: [...dialog.chat.folders, name] }).catch(showProblem)} />;
    case "leave": return <ConfirmDialog open onOpenChange={onClose} title={t("chats.leave_title")} description={t("chats.leave_text")} confirm={t("chats.leave")} danger onConfirm={() => void engine.openChat(dialog.chat.roomId).leave().catch(showProblem)} />;
  }
}
