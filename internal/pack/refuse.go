package pack

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/observable"
)

// Warninglist tells which list of commonplace values holds one, "" if none does.
type Warninglist interface {
	Match(portcullis.Observable) string
}

// Refused is an indicator that is not sealed, and why.
type Refused struct {
	Indicator portcullis.Indicator `json:"indicator"`
	Why       string               `json:"why"`
}

// The widest networks that are sealed: a wider one says yes to mail from everywhere.
const (
	widestIPv4 = 16
	widestIPv6 = 32
)

// refuser says which indicators would match everything, or must not leave.
type refuser struct {
	lists  Warninglist
	allow  []string // domains that are known to be good
	tlp    string
	now    time.Time
	until  time.Time
	length map[string]bool // of networks taken so far
}

func (r *refuser) refuse(i portcullis.Indicator, in Input) string {
	switch {
	case strings.TrimSpace(in.Value) == "":
		return "it is empty"
	case i.Marking != "" && slices.Index(markings, i.Marking) > slices.Index(markings, r.tlp):
		return fmt.Sprintf("it is marked %s, and the pack %s; ask its source, or mark the pack as strictly", i.Marking, r.tlp)
	case !i.Until.IsZero() && !i.Until.After(r.now):
		return "it expired on " + i.Until.UTC().Format("2 Jan 2006")
	case !i.From.IsZero() && i.From.After(r.until):
		return "it is valid only after the pack has expired"
	}
	if why := r.broad(in); why != "" {
		return why
	}
	return r.listed(i.Pattern, in)
}

// broad refuses by the value alone.
func (r *refuser) broad(in Input) string {
	switch in.Kind {
	case KindDomain, KindAt:
		return broadHost(in.Value)
	case KindURL, KindUnder:
		if !strings.HasPrefix(in.Value, webSlashes) {
			return "" // mailto: and the like have no host
		}
		host := hostOf(in.Value)
		if ip, err := netip.ParseAddr(host); err == nil {
			return broadAddress(ip)
		}
		return broadHost(host)
	case KindIP:
		ip, err := netip.ParseAddr(in.Value)
		if err != nil {
			return "it is no address"
		}
		return broadAddress(ip)
	case KindNetwork:
		return r.broadNetwork(in.Value)
	}
	return broadText(in)
}

func broadHost(host string) string {
	if host == "" || strings.IndexByte(host, '.') < 0 {
		return "it is a whole top-level domain or no full name; it would match everything below"
	}
	if suffix, _ := publicsuffix.PublicSuffix(host); suffix == host {
		return "it is a public suffix: everybody's names lie below it"
	}
	return ""
}

func broadAddress(ip netip.Addr) string {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return "it is no address of the Internet, so every house has it"
	}
	return ""
}

func (r *refuser) broadNetwork(value string) string {
	p, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		return "it is no network"
	case p.Addr().Is4() && p.Bits() < widestIPv4, p.Addr().Is6() && p.Bits() < widestIPv6:
		return fmt.Sprintf("it is wider than /%d (IPv6: /%d) and would match mail from everywhere", widestIPv4, widestIPv6)
	}
	length := lengthText(p)
	if !r.length[length] && len(r.length) == maxNetOf {
		return fmt.Sprintf("networks of %d lengths are in the pack already, and a house tests each address for each length; split it into networks of the same length", maxNetOf)
	}
	r.length[length] = true
	return broadAddress(p.Addr())
}

// commonNames are file names that scanners and mail programs give.
var commonNames = regexp.MustCompile(`^(image|img|scan|document|doc|invoice|attachment|unnamed|untitled|logo|signature|smime|winmail|noname|att)[-_ .()]*\d{0,6}\)?\.\w{2,5}$`)

// emptyFiles are the digests of nothing.
var emptyFiles = []string{
	"d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}

// leastSubject is how long a subject must be: shorter ones ("hello", "urgent") stand over many mails.
const leastSubject = 10

func broadText(in Input) string {
	switch {
	case in.Kind == KindFileName && commonNames.MatchString(in.Value):
		return "mail programs and scanners name files so"
	case in.Kind == KindHash && slices.Contains(emptyFiles, in.Value):
		return "it is the hash of an empty file"
	case in.Kind == KindSubject && utf8.RuneCountInString(in.Value) < leastSubject:
		return fmt.Sprintf("a subject of fewer than %d characters stands over very many mails", leastSubject)
	}
	return ""
}

// listed refuses what warninglists hold and what the issuer says is good.
func (r *refuser) listed(p portcullis.Observable, in Input) string {
	ask := []portcullis.Observable{p}
	host := ""
	switch in.Kind {
	case KindDomain, KindAt:
		host = in.Value
		ask = append(ask, portcullis.Observable{Type: portcullis.TypeDomain, Value: host})
	case KindURL, KindUnder:
		host = hostOf(in.Value)
		ask[0].Value = strings.TrimSuffix(p.Value, "*")
		if in.Kind == KindUnder && strings.Count(in.Value, "/") == 3 { // everything at a host is the host
			ask = append(ask, portcullis.Observable{Type: portcullis.TypeDomain, Value: host})
		}
	case KindEmail:
		host = in.Value[strings.LastIndexByte(in.Value, '@')+1:]
	}
	for _, o := range ask {
		if r.lists == nil {
			break
		}
		if list := r.lists.Match(o); list != "" {
			return "it is commonplace (" + list + ")"
		}
	}
	for _, good := range r.allow {
		if host != "" && (host == good || strings.HasSuffix(host, "."+good) || strings.HasSuffix(good, "."+host)) {
			return good + " is known to be good (--allow)"
		}
	}
	return ""
}

// hostOf is the host of a URL without its scheme.
func hostOf(plain string) string {
	link, err := observable.ParseURL(withScheme(plain))
	if err != nil {
		return ""
	}
	return link.Host
}
