package mail

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// Reconnaissance by mail: remote content that tells the sender when, where and
// with what device a mail was opened (ATT&CK T1598.003, T1592).
//
// A pixel proves nothing. Of the HTML mails in sets of ordinary newsletters
// three quarters have one. This rule therefore only records what a single copy
// shows, always informational; whether it is meant for these people is for the
// comparison of copies to say (compare.go).
var reconnaissanceRule = Rule{
	Name:      "mail/tracking",
	Version:   1,
	Technique: "T1598.003",
	About:     "Remote content that reports when and where a mail is opened: hidden images, fonts and styles, read receipts, addresses in links.",
	Judge:     judgeTracking,
}

func judgeTracking(in *Input) []Statement {
	var list []Statement
	if s, ok := hiddenContent(in); ok {
		list = append(list, s)
	}
	if s, ok := readReceipt(in); ok {
		list = append(list, s)
	}
	if s, ok := addressInURL(in); ok {
		list = append(list, s)
	}
	return list
}

// hiddenContent states remote content that no reader would see.
func hiddenContent(in *Input) (Statement, bool) {
	s := Statement{Key: "hidden", Confidence: 60}
	kinds := map[string]int{}
	for _, r := range in.Remote {
		if !r.invisible() {
			continue
		}
		kinds[r.Kind]++
		if len(s.Evidence) < 5 {
			s.Evidence = append(s.Evidence, portcullis.Evidence{Part: r.Part, Start: r.Start, End: r.End, Note: "fetches " + r.Kind + " from " + r.Domain + " without showing it"})
			s.Observables = append(s.Observables, portcullis.Observable{Type: portcullis.TypeURL, Value: canonicalURL(r.URL)})
		}
	}
	if len(kinds) == 0 {
		return s, false
	}
	n := 0
	for _, count := range kinds {
		n += count
	}
	s.Summary = fmt.Sprintf("Opening this mail fetches %s that the reader does not see; whoever runs the server learns when and from where it was opened.", plural(n, "thing"))
	s.Flip = "no remote image at most 2×2 or hidden, no remote font or prefetch"
	return s, true
}

// invisible tells whether what is fetched cannot be seen. Fonts, prefetches and
// imports show nothing by themselves but are rare in mail that people write.
func (r Remote) invisible() bool {
	switch r.Kind {
	case "prefetch", "preload", "dns-prefetch", "preconnect":
		return true
	}
	return r.Hidden
}

// receiptHeaders are the fields that ask for a notification of reading (RFC 8098
// §2.1 and its forerunners).
func receiptHeaders(in *Input) []string {
	var names []string
	for _, name := range []string{"Disposition-Notification-To", "X-Confirm-Reading-To", "Return-Receipt-To", "Read-Receipt-To"} {
		if in.M.Header.Get(name) != "" {
			names = append(names, name)
		}
	}
	return names
}

func readReceipt(in *Input) (Statement, bool) {
	names := receiptHeaders(in)
	if len(names) == 0 {
		return Statement{}, false
	}
	return Statement{
		Key: "receipt", Confidence: 90,
		Summary:  "The sender asks for a read receipt, which tells when the mail was opened.",
		Evidence: []portcullis.Evidence{in.HeaderEvidence(names[0], 0, "asks for a receipt")},
		Flip:     "no " + strings.Join(names, ", ") + " field",
	}, true
}

// addressInURL finds the recipient's own address in a URL: in clear, in base64,
// or as a common hash of it. One copy is enough to know that it is individual.
func addressInURL(in *Input) (Statement, bool) {
	for _, to := range in.M.Header.Addresses("To") {
		address := strings.ToLower(to.Addr)
		if len(address) < 6 {
			continue
		}
		marks := addressMarks(address)
		for _, r := range in.Remote {
			if how := holds(r.URL.Raw, marks); how != "" {
				return addressStatement(portcullis.Evidence{Part: r.Part, Start: r.Start, End: r.End, Note: how}, r.URL), true
			}
		}
		for _, l := range in.Links {
			if how := holds(l.URL.Raw, marks); how != "" {
				return addressStatement(LinkEvidence(l, how), l.URL), true
			}
		}
	}
	return Statement{}, false
}

func addressStatement(e portcullis.Evidence, u observable.Link) Statement {
	return Statement{
		Key: "address", Confidence: 90,
		Summary:     "A link or image of this mail carries the recipient's own address (" + e.Note + "): it reports who opened or followed it.",
		Evidence:    []portcullis.Evidence{e},
		Observables: []portcullis.Observable{{Type: portcullis.TypeURL, Value: canonicalURL(u)}},
		Flip:        "no form of the recipient's address in a URL",
	}
}

type mark struct{ how, text string }

func addressMarks(address string) []mark {
	raw := []byte(address)
	m5, s1, s256 := md5.Sum(raw), sha1.Sum(raw), sha256.Sum256(raw) // recognised in others' links, protecting nothing
	return []mark{
		{"in clear", address},
		{"in clear", strings.ReplaceAll(address, "@", "%40")},
		{"as base64", strings.TrimRight(base64.StdEncoding.EncodeToString(raw), "=")},
		{"as MD5", hex.EncodeToString(m5[:])},
		{"as SHA-1", hex.EncodeToString(s1[:])},
		{"as SHA-256", hex.EncodeToString(s256[:])},
	}
}

func holds(url string, marks []mark) string {
	lower := strings.ToLower(url)
	for _, m := range marks {
		if strings.Contains(url, m.text) || m.how != "as base64" && strings.Contains(lower, m.text) {
			return m.how
		}
	}
	return ""
}

// linkGateways are mail gateways that rewrite links on the way in. What still
// leads there when wrappers are undone is a link that the gateway keeps to itself.
var linkGateways = map[string]bool{
	"mimecast.com": true, "mimecastprotect.com": true, "cudasvc.com": true, "secure-web.cisco.com": true, "urldefense.com": true,
	"urldefense.us": true, "urldefense.proofpoint.com": true, "safelinks.protection.outlook.com": true, "safelinks.protection.office365.us": true,
	"protection.sophos.com": true, "fireeye.com": true, "trellix.com": true, "clicktime.symantec.com": true, "clicktime.cloud.postoffice.net": true,
	"avanan.click": true, "protect.checkpoint.com": true, "linkscan.io": true, "vadesecure.com": true, "edgepilot.com": true, "esvalabs.com": true,
	"scanmail.trustwave.com": true, "cloud-security.net": true, "mailcontrol.com": true, "blackspider.com": true, "click.kaspersky.com": true,
	"emailprotection.link": true, "url-protection.com": true, "linkcheck.mailguard.com.au": true,
}

// opaqueWrapper tells a link rewritten by a mail gateway in a way that cannot be
// undone. Its target is unknown and it differs per recipient by itself.
func opaqueWrapper(u observable.Link) bool {
	if _, wrapper, ok := observable.Unwrap(u.Raw); ok && wrapper != "" {
		return true
	}
	for host := u.Host; host != ""; {
		if linkGateways[host] {
			return true
		}
		_, host, _ = strings.Cut(host, ".")
	}
	return false
}

func plural(n int, thing string) string {
	if n == 1 {
		return "one " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func itoa(n int) string { return strconv.Itoa(n) }

// bandOf makes a band of an exact value, apart from those of sketches.
func bandOf(value string) int64 {
	h := fnv.New64a()
	h.Write([]byte(value))
	return int64(h.Sum64())
}
