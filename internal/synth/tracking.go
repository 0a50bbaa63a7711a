package synth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// Techniques by which a mail tells its sender who opened it, from where.
var techniques = []string{
	"pixel1", "pixel2", "background", "hidden-img", "font", "prefetch", "named-image", "stylesheet", "table-background", "receipt",
}

// Places for a token in a link.
var placements = []string{"path", "query", "subdomain", "address", "split", "none"}

// tracking is how one campaign individualises its copies.
type tracking struct {
	host       string   // where remote content lies
	link       string   // where links lead
	techniques []string // of hidden content
	placement  string   // of the token in links
	tokenKind  string
	param      string
	secret     string // makes the tokens of a campaign its own
}

var tokenParams = []string{"rid", "u", "e", "uid", "k", "ref", "s", "id", "src", "mid", "r", "c", "subscriber", "token", "q", "v"}

// tracking draws what a campaign uses: at least one thing that differs per recipient.
func (d *draw) tracking(link, host string) tracking {
	t := tracking{
		host: host, link: link, techniques: some(d, techniques, d.between(0, 3)),
		placement: one(d, placements), tokenKind: one(d, []string{"hex", "hash", "uuid", "short", "base64", "number"}),
		param: own(d, tokenParams), secret: d.hex(8),
	}
	hidden := len(t.techniques) > 1 || len(t.techniques) == 1 && t.techniques[0] != "receipt"
	if t.placement == "none" && !hidden {
		t.techniques = append(t.techniques, one(d, techniques[:8]))
	}
	return t
}

// token is stable per campaign, recipient and use, as a tracker's database would have it.
func (t *tracking) token(addr, use string) string {
	sum := sha256.Sum256([]byte(t.secret + addr + use))
	switch t.tokenKind {
	case "base64":
		return base64.RawURLEncoding.EncodeToString([]byte(addr))
	case "uuid":
		h := hex.EncodeToString(sum[:16])
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	case "short":
		return base64.RawURLEncoding.EncodeToString(sum[:6])
	case "number":
		return fmt.Sprint(100000 + (int(sum[0])<<16|int(sum[1])<<8|int(sum[2]))%899999)
	case "hash":
		return hex.EncodeToString(sum[:])
	default:
		return hex.EncodeToString(sum[:8])
	}
}

// url is a link to a path as one recipient gets it.
func (t *tracking) url(addr, path string) string {
	token := t.token(addr, "")
	switch t.placement {
	case "path":
		return "https://" + t.link + "/" + token + "/" + path
	case "query":
		return "https://" + t.link + "/" + path + "?" + t.param + "=" + url.QueryEscape(token)
	case "subdomain":
		sum := sha256.Sum256([]byte(t.secret + addr))
		return "https://" + hex.EncodeToString(sum[:6]) + "." + t.link + "/" + path
	case "address":
		return "https://" + t.link + "/" + path + "?d=" + base64.URLEncoding.EncodeToString([]byte(addr))
	case "split":
		sum := hex.EncodeToString([]byte(token))
		return "https://" + t.link + "/" + path + "?a=" + sum[:len(sum)/2] + "&b=" + sum[len(sum)/2:]
	default:
		return "https://" + t.link + "/" + path
	}
}

// hidden is the HTML of one technique, for the head and for the body.
func (t *tracking) hidden(technique, addr string) (head, body string) {
	token := t.token(addr, technique)
	base := "https://" + t.host + "/"
	switch technique {
	case "pixel1":
		body = `<img src="` + base + "o/" + token + `.gif" width="1" height="1" alt="">`
	case "pixel2":
		body = `<img src="` + base + "i.png?" + t.param + "=" + token + `" style="width:2px;height:2px;border:0" alt="">`
	case "background":
		body = `<div style="background-image:url('` + base + "bg/" + token + `.png');height:1px"></div>`
	case "table-background":
		body = `<table role="presentation" width="100%" background="` + base + "t/" + token + `.jpg"><tr><td height="1"></td></tr></table>`
	case "hidden-img":
		body = `<img src="` + base + "a/" + token + `" style="display:none" alt="">`
	case "font":
		head = `<style>@font-face{font-family:Head;src:url("` + base + "f/" + token + `.woff2") format("woff2")} h1{font-family:Head,serif}</style>`
	case "prefetch":
		head = `<link rel="prefetch" href="` + base + "p/" + token + `"><link rel="dns-prefetch" href="//` + t.token(addr, "dns")[:6] + "." + t.host + `">`
	case "stylesheet":
		head = `<link rel="stylesheet" href="` + base + "css/" + token + `/mail.css">`
	case "named-image":
		body = `<img src="` + base + "media/header_" + token + `.jpg" width="600" height="120" alt="">`
	}
	return head, body
}

// receiptFields ask for a notice when the mail is read (RFC 8098 and older habits).
func receiptFields(addr string) []string {
	return []string{"Disposition-Notification-To: <" + addr + ">", "X-Confirm-Reading-To: " + addr, "Return-Receipt-To: <" + addr + ">"}
}

// Wrappers rewrite links per recipient when mail enters a house. The hosts are
// the real ones: a wrapper is recognised by them.
var wrappers = []string{"safelinks", "urldefense2", "urldefense3", "barracuda", "mimecast"}

// wrap writes a link as the wrapper of one recipient's provider does.
func (d *draw) wrap(kind, link, rcpt string) string {
	switch kind {
	case "safelinks":
		data := "05|02|" + rcpt + "|" + d.hex(32) + "|" + d.hex(32) + "|0|0|638" + d.letters("0123456789", 15) + "|Unknown|TWFpbGZsb3d8|0|||"
		return "https://eur0" + fmt.Sprint(d.between(1, 5)) + ".safelinks.protection.outlook.com/?url=" + url.QueryEscape(link) +
			"&data=" + url.QueryEscape(data) + "&sdata=" + url.QueryEscape(d.letters(idLetters, 43)+"=") + "&reserved=0"
	case "urldefense2":
		escaped := strings.NewReplacer("-", "-2D", "_", "-5F", "/", "_", ":", "-3A", "?", "-3F", "=", "-3D", "&", "-26", "%", "-25").Replace(link)
		return "https://urldefense.proofpoint.com/v2/url?u=" + escaped + "&d=DwMFaQ&c=" + d.letters(idLetters, 24) +
			"&r=" + d.letters(idLetters, 32) + "&m=" + d.letters(idLetters, 43) + "&s=" + d.letters(idLetters, 43) + "&e="
	case "urldefense3":
		return "https://urldefense.com/v3/__" + link + "__;!!" + d.letters(idLetters, 10) + "!" + d.letters(idLetters, 60) + "$"
	case "barracuda":
		return "https://linkprotect.cudasvc.com/url?a=" + url.QueryEscape(link) + "&c=E,1," + d.letters(idLetters, 80) + "&typo=1"
	case "mimecast":
		host := strings.TrimPrefix(link, "https://")
		host, _, _ = strings.Cut(host, "/")
		return "https://protect-eu.mimecast.com/s/" + d.letters(idLetters, 22) + "?domain=" + host
	default:
		return link
	}
}
