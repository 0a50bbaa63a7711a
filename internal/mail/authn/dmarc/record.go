package dmarc

import (
	"errors"
	"fmt"
	"strings"
)

// Limits on what a record can make us do.
const (
	maxRecord = 8 << 10
	maxTags   = 64
)

// Policies of the tags p, sp and np (RFC 9989 §4.7).
const (
	PolicyNone       = "none"
	PolicyQuarantine = "quarantine"
	PolicyReject     = "reject"
)

// Record is a DMARC policy record (§4.7). Tags that are syntactically wrong
// have their default values and stand in Bad (§4.8).
type Record struct {
	Policy          string // p; "" where missing
	Subdomains      string // sp
	NonExistent     string // np
	StrictDKIM      bool   // adkim=s
	StrictSPF       bool   // aspf=s
	PSD             byte   // 'y', 'n' or 'u'
	Testing         bool   // t=y
	Reports         bool   // rua holds at least one URI that could be one
	Bad             []string
	AggregateURIs   string // rua as written
	FailureURIs     string // ruf as written
	FailureOptions  string // fo as written, "0" where missing
	hasBadRequested bool   // p, sp or np is there and not valid
}

// ErrNotDMARC says that a TXT record is none of DMARC's: its first tag is not
// v=DMARC1 (§4.7 "v"). Such records are passed over.
var ErrNotDMARC = errors.New("not a DMARC record")

// IsRecord tells whether a TXT record starts with the version tag: "v" in
// either case, white space around "=" allowed, the value exactly DMARC1 (§4.8).
func IsRecord(txt string) bool {
	first, _, _ := strings.Cut(txt, ";")
	name, value, ok := strings.Cut(first, "=")
	return ok && strings.EqualFold(strings.TrimRight(name, wsp), "v") && strings.Trim(value, wsp) == "DMARC1"
}

const wsp = " \t"

// Parse reads a record. Within one that has the right version nothing is an
// error: what is wrong is discarded in favour of the default (§4.8).
func Parse(txt string) (*Record, error) {
	if !IsRecord(txt) {
		return nil, ErrNotDMARC
	}
	if len(txt) > maxRecord {
		return nil, fmt.Errorf("DMARC record of %d bytes, more than %d", len(txt), maxRecord)
	}
	rec := &Record{PSD: 'u', FailureOptions: "0"}
	_, rest, _ := strings.Cut(txt, ";")
	var seen [maxTags]string
	n := 0
	for rest != "" {
		var tag string
		tag, rest, _ = strings.Cut(rest, ";")
		tag = strings.Trim(tag, wsp)
		if tag == "" && rest == "" {
			break // [dmarc-sep] at the end
		}
		if n == maxTags {
			rec.Bad = append(rec.Bad, "more tags than are read")
			break
		}
		seen[n] = rec.set(tag, seen[:n])
		n++
	}
	return rec, nil
}

// set reads one tag and returns its name. Of two tags of one name the first counts.
func (r *Record) set(tag string, seen []string) string {
	name, value, ok := strings.Cut(tag, "=")
	name, value = strings.ToLower(strings.TrimRight(name, wsp)), strings.Trim(value, wsp)
	for _, s := range seen {
		if s == name && ok {
			r.Bad = append(r.Bad, name)
			return ""
		}
	}
	if !ok || !letters(name) || value == "" || !printable(value) {
		r.bad(name)
		return name
	}
	if !r.assign(name, value) {
		r.bad(name)
	}
	return name
}

func (r *Record) bad(name string) {
	name = name[:min(len(name), 20)]
	r.Bad = append(r.Bad, name)
	if name == "p" || name == "sp" || name == "np" {
		r.hasBadRequested = true
	}
}

// assign sets a known tag. Values that the ABNF gives as strings match in
// either case (RFC 5234 §2.3); unknown tags are ignored (§4.7).
func (r *Record) assign(name, value string) bool {
	lower := strings.ToLower(value)
	switch name {
	case "p":
		r.Policy = request(lower)
		return r.Policy != ""
	case "sp":
		r.Subdomains = request(lower)
		return r.Subdomains != ""
	case "np":
		r.NonExistent = request(lower)
		return r.NonExistent != ""
	case "adkim":
		return flag(&r.StrictDKIM, lower, "s", "r")
	case "aspf":
		return flag(&r.StrictSPF, lower, "s", "r")
	case "t":
		return flag(&r.Testing, lower, "y", "n")
	case "psd":
		if lower != "y" && lower != "n" && lower != "u" {
			return false
		}
		r.PSD = lower[0]
	case "rua":
		r.AggregateURIs, r.Reports = value, anyURI(value)
		return r.Reports
	case "ruf":
		r.FailureURIs = value
		return anyURI(value)
	case "fo":
		if !failureOptions(lower) {
			return false
		}
		r.FailureOptions = lower
	}
	return true
}

func request(s string) string {
	if s == PolicyNone || s == PolicyQuarantine || s == PolicyReject {
		return s
	}
	return ""
}

func flag(to *bool, value, yes, no string) bool {
	*to = value == yes
	return value == yes || value == no
}

// failureOptions: any of 0, 1, d and s between colons, each once, 0 and 1 not both (§4.7 "fo").
func failureOptions(s string) bool {
	seen := ""
	for option := range strings.SplitSeq(s, ":") {
		option = strings.Trim(option, wsp)
		if len(option) != 1 || !strings.Contains("01ds", option) || strings.Contains(seen, option) {
			return false
		}
		seen += option
	}
	return !strings.Contains(seen, "0") || !strings.Contains(seen, "1")
}

// anyURI tells whether a comma-separated list holds something with the form of
// a URI: scheme ":" and more (RFC 3986 §3). A size behind "!" is obsolete and let through.
func anyURI(list string) bool {
	for uri := range strings.SplitSeq(list, ",") {
		scheme, rest, ok := strings.Cut(strings.Trim(uri, wsp), ":")
		if !ok || rest == "" || scheme == "" || strings.ContainsAny(rest, " \t<>\"") {
			continue
		}
		if scheme[0]|0x20 >= 'a' && scheme[0]|0x20 <= 'z' && strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" {
			return true
		}
	}
	return false
}

func letters(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]|0x20 < 'a' || s[i]|0x20 > 'z' {
			return false
		}
	}
	return s != ""
}

// printable: dmarc-value = %x20-3A / %x3C-7E; tabs occur and do no harm.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < ' ' || s[i] > '~') && s[i] != '\t' {
			return false
		}
	}
	return true
}
