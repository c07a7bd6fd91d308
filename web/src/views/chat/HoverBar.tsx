import { Ellipsis, Reply, SmilePlus } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Message } from "@/domain/message";
import { classNames } from "../common/class_names";
import { IconButton } from "../common/IconButton";
import { useChatActions } from "./chat_actions";
import { maySpeakOf } from "./message_menu";
import css from "./HoverBar.module.css";

/** Reply, react and the whole menu beside the message under the mouse, or that has the focus. */
export function HoverBar({ message }: { readonly message: Message }) {
  const { t } = useTranslation();
  const actions = useChatActions();
  const openMenu = (event: React.MouseEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    event.currentTarget.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX: box.left, clientY: box.bottom }));
  };
  return (
    <div className={classNames(css.bar, message.isOwn && css.own)}>
      {maySpeakOf(message) && <>
        <IconButton tabIndex={-1} className={css.button} iconSize={18} icon={SmilePlus} label={t("chat.react")} onClick={(event) => actions.pickReaction(message, event.currentTarget)} />
        <IconButton tabIndex={-1} className={css.button} iconSize={18} icon={Reply} mirrored label={t("chat.reply")} onClick={() => actions.reply(message)} />
      </>}
      <IconButton tabIndex={-1} className={css.button} iconSize={18} icon={Ellipsis} label={t("ui.more")} onClick={openMenu} />
    </div>
  );
}
