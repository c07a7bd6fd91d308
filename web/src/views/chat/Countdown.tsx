import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../common/locale";

/** Time left until a message disappears; wakes up only when the words change. */
export function Countdown({ until }: { readonly until: number }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const [now, setNow] = useState(Date.now);
  const left_s = Math.max(0, (until - now) / 1000);
  useEffect(() => {
    if (left_s <= 0) return undefined;
    const wait_ms = left_s > 7200 ? 600_000 : left_s > 120 ? 30_000 : 1_000;
    const timer = setTimeout(() => setNow(Date.now()), wait_ms);
    return () => clearTimeout(timer);
  }, [left_s]);
  const words = formats.duration(left_s);
  return <span title={t("chat.disappears_in", { time: words })}>{words}</span>;
}
