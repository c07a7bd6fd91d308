import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import type { ChatSummary } from "@/domain/engine";
import { InviteLinksPage } from "../invite/InviteLinksPage";
import { PersonInfo } from "../people/PersonInfo";
import { useReadable } from "../use_readable";
import { GalleryPage } from "./GalleryPage";
import { KeptMessagesPage } from "./KeptMessagesPage";
import { MembersPage } from "./MembersPage";
import { InfoPage } from "./parts";
import { PermissionsPage } from "./PermissionsPage";
import { RoomInfo } from "./RoomInfo";

export type InfoPageName = "main" | "members" | "gallery" | "starred" | "pinned" | "permissions" | "links" | { readonly userId: string };

export interface InfoPaneProps {
  readonly roomId: string;
  readonly onClose: () => void;
  /** Shows all threads of the chat, in the place of this pane. */
  readonly onThreads: () => void;
  readonly onOpenChat: (roomId: string) => void;
  /** Goes to a message of this chat. */
  readonly onOpenEvent: (eventId: string) => void;
  readonly onLeft: () => void;
}

/** All there is to know of a chat, and the pages behind it; the third pane, or a page of its own on telephones. */
export function InfoPane(props: InfoPaneProps) {
  const { roomId, onClose } = props;
  const { t } = useTranslation();
  const engine = useEngine();
  const summary = useReadable(engine.openChat(roomId).summary);
  const [trail, setTrail] = useState<readonly InfoPageName[]>(["main"]);
  const page = trail[trail.length - 1] ?? "main";
  const go = (to: InfoPageName) => setTrail([...trail, to]);
  const back = () => setTrail(trail.slice(0, -1));
  if (typeof page === "object") {
    return <InfoPage title={t("info.person")} onBack={back} onClose={onClose}><PersonInfo userId={page.userId} onOpenChat={props.onOpenChat} /></InfoPage>;
  }
  switch (page) {
    case "main":
      return <InfoPage title={titleOf(summary, t)} onClose={onClose}><Main {...props} summary={summary} onPage={go} /></InfoPage>;
    case "members":
      return <InfoPage title={t("info.members")} onBack={back} onClose={onClose} fills><MembersPage roomId={roomId} onPerson={(userId) => go({ userId })} /></InfoPage>;
    case "gallery":
      return <InfoPage title={t("info.gallery")} onBack={back} onClose={onClose} fills><GalleryPage roomId={roomId} onOpenEvent={props.onOpenEvent} /></InfoPage>;
    case "starred":
    case "pinned":
      return <InfoPage title={t(`info.${page}`)} onBack={back} onClose={onClose}><KeptMessagesPage key={page} roomId={roomId} kind={page} onOpenEvent={props.onOpenEvent} /></InfoPage>;
    case "permissions":
      return <InfoPage title={t("info.permissions")} onBack={back} onClose={onClose}><PermissionsPage roomId={roomId} /></InfoPage>;
    case "links":
      return <InfoPage title={t("info.links")} onBack={back} onClose={onClose}><InviteLinksPage roomId={roomId} /></InfoPage>;
  }
}

function titleOf(summary: ChatSummary, t: (key: string) => string): string {
  return summary.kind === "direct" ? t("info.person") : t(`info.kind_${summary.kind}`);
}

function Main(props: InfoPaneProps & { readonly summary: ChatSummary; readonly onPage: (page: InfoPageName) => void }) {
  const { summary } = props;
  if (summary.kind === "direct" && summary.peer) return <PersonInfo userId={summary.peer.userId} chat={props} onOpenChat={props.onOpenChat} />;
  return <RoomInfo {...props} />;
}
