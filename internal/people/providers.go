package people

import "strings"

type habit uint8

const (
	freemail    habit = 1 << iota // anybody may open a mailbox there
	plusTags                      // name+tag is delivered to name
	ignoresDots                   // dots in the local part make no difference
)

const gmail = "gmail" + ".com"

// providers are well-known mail providers for the public, and what their own
// documentation says of plus signs and dots.
var providers = readProviders(map[habit]string{
	freemail | plusTags | ignoresDots: `gmail.com googlemail.com`,
	freemail | plusTags: `outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es live.co.uk live.fr live.nl
 outlook.de outlook.fr outlook.es outlook.it passport.com icloud.com me.com mac.com proton.me protonmail.com pm.me protonmail.ch fastmail.com fastmail.fm
 zoho.com zohomail.com zohomail.eu mailfence.com posteo.de posteo.net mailbox.org startmail.com runbox.com disroot.org riseup.net tutanota.com
 yandex.com yandex.ru ya.ru yandex.by yandex.kz`,
	freemail: `yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca yahoo.co.jp yahoo.co.in yahoo.in yahoo.com.br yahoo.com.au yahoo.com.ar
 yahoo.com.mx yahoo.com.hk yahoo.com.tw yahoo.com.sg yahoo.com.ph yahoo.com.vn yahoo.co.id yahoo.ie yahoo.gr yahoo.pl yahoo.ro yahoo.se yahoo.no yahoo.dk
 ymail.com rocketmail.com myyahoo.com aol.com aol.co.uk aim.com netscape.net verizon.net att.net sbcglobal.net bellsouth.net comcast.net cox.net charter.net earthlink.net juno.com
 netzero.net gmx.com gmx.de gmx.net gmx.at gmx.ch gmx.fr gmx.us gmx.co.uk web.de t-online.de freenet.de arcor.de online.de 1und1.de kabelmail.de mail.de email.de
 mail.com email.com usa.com europe.com post.com consultant.com engineer.com dr.com lawyer.com journalist.com diplomats.com politician.com inbox.com hushmail.com
 hush.com tuta.io tuta.com tutamail.com keemail.me tutanota.de ctemplar.com cock.li mailo.com mail.ru inbox.ru list.ru bk.ru internet.ru rambler.ru lenta.ru
 ro.ru autorambler.ru myrambler.ru ukr.net i.ua meta.ua bigmir.net tut.by abv.bg mail.bg dir.bg seznam.cz email.cz centrum.cz post.cz volny.cz atlas.cz
 azet.sk zoznam.sk centrum.sk wp.pl o2.pl onet.pl op.pl interia.pl poczta.onet.pl gazeta.pl tlen.pl freemail.hu citromail.hu indamail.hu walla.co.il walla.com
 orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr numericable.fr voila.fr skynet.be telenet.be proximus.be ziggo.nl kpnmail.nl planet.nl hetnet.nl
 xs4all.nl home.nl libero.it virgilio.it alice.it tiscali.it tin.it tim.it email.it inwind.it iol.it poste.it aruba.it terra.com.br uol.com.br bol.com.br ig.com.br
 globo.com terra.es telefonica.net sapo.pt mail.pt clix.pt bluewin.ch hispeed.ch sunrise.ch btinternet.com btopenworld.com talktalk.net sky.com virginmedia.com
 ntlworld.com blueyonder.co.uk tiscali.co.uk plusnet.com eircom.net telia.com comhem.se bredband.net spray.se online.no broadpark.no jubii.dk mail.dk
 mail.ee hot.ee inbox.lv inbox.lt one.lt otenet.gr in.gr mynet.com rediffmail.com indiatimes.com sify.com qq.com foxmail.com 163.com 126.com yeah.net
 vip.163.com vip.126.com vip.qq.com sina.com sina.cn sohu.com aliyun.com 139.com 189.cn wo.cn 21cn.com tom.com 88.com naver.com daum.net hanmail.net nate.com kakao.com
 docomo.ne.jp ezweb.ne.jp softbank.ne.jp nifty.com excite.co.jp infoseek.jp bigpond.com optusnet.com.au iinet.net.au xtra.co.nz shaw.ca rogers.com sympatico.ca
 telus.net videotron.ca mweb.co.za vodamail.co.za telkomsa.net maktoob.com cotmail.com lycos.com excite.com mailinator.com guerrillamail.com yopmail.com
 10minutemail.com temp-mail.org trashmail.com sharklasers.com maildrop.cc dispostable.com getnada.com moakt.com emailondeck.com onionmail.org danwin1210.de
 duck.com simplelogin.com anonaddy.com relay.firefox.com privaterelay.appleid.com skiff.com hey.com superhuman.com mail2world.com lavabit.com safe-mail.net vfemail.net
 openmailbox.org autistici.org systemli.org dismail.de kolabnow.com countermail.com mailnesia.com mohmal.com fastmail.net eclipso.eu eclipso.de vivaldi.net`,
})

func readProviders(table map[habit]string) map[string]habit {
	out := map[string]habit{}
	for h, domains := range table {
		for _, d := range strings.Fields(domains) {
			out[d] = h
		}
	}
	return out
}

// Freemail tells whether anybody may open a mailbox at domain.
func Freemail(domain string) bool { return providers[asciiDomain(domain)]&freemail != 0 }
