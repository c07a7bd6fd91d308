import { useState } from "react";
import { BellOff, Clock, SendHorizontal } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../common/IconButton";
import { ContextMenu } from "../common/Menu";
import { ScheduleDialog } from "./ScheduleDialog";

/** How a text goes out: at once, without a sound, or at a time (ms since 1970). */
export interface Manner {
  readonly silent?: boolean;
  readonly at?: number;
}

export interface SendButtonProps {
  readonly disabled: boolean;
  readonly isEdit: boolean;
  readonly onSend: (manner: Manner) => void;
}

/** Sends; a long press or the right button offers to send without a sound, or later. */
export function SendButton({ disabled, isEdit, onSend }: SendButtonProps) {
  const { t } = useTranslation();
  const [scheduling, setScheduling] = useState(false);
  const button = <IconButton tone="accent" label={isEdit ? t("ui.save") : t("composer.send")} title={isEdit ? t("ui.save") : t("composer.send_hint")} icon={SendHorizontal} mirrored onClick={() => onSend({})} disabled={disabled} />;
  if (isEdit) return button;
  return <>
    <ContextMenu disabled={disabled} entries={() => [
      { key: "silent", label: t("composer.send_silently"), icon: BellOff, onSelect: () => onSend({ silent: true }) },
      { key: "later", label: t("composer.send_later"), icon: Clock, onSelect: () => setScheduling(true) },
    ]}>{button}</ContextMenu>
    {scheduling && <ScheduleDialog onClose={() => setScheduling(false)} onChoose={(at) => onSend({ at })} />}
  </>;
}
