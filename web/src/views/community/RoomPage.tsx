import { useEngine } from "@/app/engine_context";
import { ChatView, type ChatViewProps } from "../chat/ChatView";
import { RequestView } from "../invite/RequestView";
import { IdentityBar } from "../trust/IdentityBar";
import { useReadable } from "../use_readable";
import { CommunityPage } from "./CommunityPage";
import css from "./community.module.css";

export interface RoomPageProps extends ChatViewProps {
  readonly onOpenChat: (roomId: string) => void;
}

/** What stands in the middle for a room: a request that waits for an answer, a community with its chats, or a chat. */
export function RoomPage({ onOpenChat, ...props }: RoomPageProps) {
  const engine = useEngine();
  const summary = useReadable(engine.openChat(props.roomId).summary);
  if (summary.membership === "invite") return <RequestView roomId={props.roomId} onBack={props.onBack} onLeft={props.onLeft} onOpenChat={onOpenChat} />;
  if (summary.kind === "community" && summary.membership === "join") return <CommunityPage roomId={props.roomId} onBack={props.onBack} onInfo={props.onInfo} onOpenChat={onOpenChat} />;
  // One tree whether there is a warning or not: a message that is being written must not be lost when it comes.
  return (
    <div className={css.warned}>
      {summary.peer && <IdentityBar userId={summary.peer.userId} />}
      <div className={css.chat}><ChatView {...props} /></div>
    </div>
  );
}
