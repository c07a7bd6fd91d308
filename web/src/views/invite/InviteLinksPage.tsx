import { useEffect, useEffectEvent, useState } from "react";
import { Link2, Trash2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useEngine } from "@/app/engine_context";
import { buildLink } from "@/domain/invite_link";
import type { InviteLink } from "@/domain/invites";
import { may } from "@/domain/room_powers";
import { Button } from "../common/Button";
import { IconButton } from "../common/IconButton";
import { useFormats } from "../common/locale";
import { useShowProblem } from "../common/Toasts";
import { Waiting } from "../common/Waiting";
import { InfoSection } from "../info/parts";
import { LinkBox } from "../people/MyCode";
import { useReadable } from "../use_readable";
import css from "./invite.module.css";
import { ownAddress } from "./own_address";

const DAY_MS = 86_400_000;
const LIFETIMES_MS: readonly number[] = [DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 0];
const USES: readonly number[] = [1, 10, 100, 0];

/** Links and codes that lead into a room: one that anybody may know where anybody may come or ask, and private ones with a token. */
export function InviteLinksPage({ roomId }: { readonly roomId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const { access, alias, powers } = useReadable(engine.care(roomId).details);
  const isOpen = access === "public" || access === "knock";
  const openLink = buildLink(ownAddress(), { kind: "invite", room: alias ?? roomId, via: alias ? [] : engine.invites.via(roomId) });
  return <>
    {isOpen && <InfoSection title={t(`invite.open_${access === "public" ? "public" : "knock"}`)}><div className={css.padded}><LinkBox link={openLink} label={t("invite.qr_label")} /></div></InfoSection>}
    {may(powers, "invite") ? <PrivateLinks roomId={roomId} /> : !isOpen && <InfoSection><p className={css.padded}>{t("invite.may_not")}</p></InfoSection>}
  </>;
}

function PrivateLinks({ roomId }: { readonly roomId: string }) {
  const { t } = useTranslation();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [links, setLinks] = useState<readonly InviteLink[] | null>(null);
  const [shown, setShown] = useState<InviteLink | null>(null);
  const load = useEffectEvent(() => void engine.invites.list(roomId).then(setLinks, (problem: unknown) => { setLinks([]); showProblem(problem); }));
  useEffect(() => load(), [roomId]);
  const revoke = (linkId: string) => {
    engine.invites.revoke(roomId, linkId).then(() => {
      setLinks((before) => before?.filter((each) => each.linkId !== linkId) ?? null);
      setShown((before) => (before?.linkId === linkId ? null : before));
    }, showProblem);
  };
  const address = (link: InviteLink) => buildLink(ownAddress(), { kind: "invite", room: roomId, via: engine.invites.via(roomId), ...(link.token === undefined ? {} : { token: link.token }) });
  return <>
    {shown?.token && <InfoSection title={t("invite.new_link")}><div className={css.padded}><LinkBox link={address(shown)} label={t("invite.qr_label")} /><LinkFacts link={shown} /></div></InfoSection>}
    <InfoSection title={t("invite.make_title")}><NewLink roomId={roomId} onMade={(link) => { setShown(link); setLinks((before) => [link, ...(before ?? [])]); }} /></InfoSection>
    <InfoSection title={t("invite.links")}>
      {links === null ? <Waiting inline sentence={t("invite.links_loading")} /> : links.length === 0 ? <p className={css.padded}>{t("invite.no_links")}</p> : links.map((link) => (
        <div key={link.linkId} className={css.line}>
          <div className={css.linkRow}>
            <LinkFacts link={link} />
            {link.token ? <Button variant="quiet" icon={Link2} onClick={() => setShown(link)}>{t("invite.show_link")}</Button> : <span className={css.quiet}>{t("invite.made_elsewhere")}</span>}
          </div>
          <IconButton icon={Trash2} tone="danger" label={t("invite.revoke")} onClick={() => revoke(link.linkId)} />
        </div>
      ))}
    </InfoSection>
  </>;
}

function LinkFacts({ link }: { readonly link: InviteLink }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const until = link.expiresAt === undefined ? t("invite.never_expires") : t("invite.expires", { time: formats.dateTime(link.expiresAt) });
  const uses = link.usesMax === undefined ? t("invite.used", { count: link.uses }) : t("invite.used_of", { count: link.uses, n: formats.number(link.uses), max: formats.number(link.usesMax) });
  return <span className={css.quiet}>{until} {uses}</span>;
}

function NewLink({ roomId, onMade }: { readonly roomId: string; readonly onMade: (link: InviteLink) => void }) {
  const { t } = useTranslation();
  const formats = useFormats();
  const engine = useEngine();
  const showProblem = useShowProblem();
  const [lifetimeMs, setLifetimeMs] = useState(7 * DAY_MS);
  const [usesMax, setUsesMax] = useState(0);
  const [isBusy, setBusy] = useState(false);
  const make = () => {
    setBusy(true);
    engine.invites.make(roomId, { ...(lifetimeMs > 0 ? { lifetimeMs } : {}), ...(usesMax > 0 ? { usesMax } : {}) }).then(onMade, showProblem).finally(() => setBusy(false));
  };
  return (
    <div className={css.padded}>
      <p className={css.quiet}>{t("invite.make_text")}</p>
      <div className={css.options}>
        <label className={css.field}>{t("invite.lifetime")}
          <select className={css.select} value={lifetimeMs} onChange={(event) => setLifetimeMs(Number(event.target.value))}>{LIFETIMES_MS.map((each) => <option key={each} value={each}>{each === 0 ? t("invite.for_ever") : formats.duration(each / 1_000)}</option>)}</select>
        </label>
        <label className={css.field}>{t("invite.uses")}
          <select className={css.select} value={usesMax} onChange={(event) => setUsesMax(Number(event.target.value))}>{USES.map((each) => <option key={each} value={each}>{each === 0 ? t("invite.any_number") : t("invite.people", { count: each })}</option>)}</select>
        </label>
      </div>
      <Button variant="primary" icon={Link2} busy={isBusy && t("invite.making")} onClick={make} data-invite="make">{t("invite.make")}</Button>
    </div>
  );
}
