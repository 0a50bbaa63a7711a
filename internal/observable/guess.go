package observable

import (
	"fmt"
	"strings"

	portcullis "portcullis.example/portcullis"
)

// typeNames are the words that may stand before a value to say what it is.
var typeNames = map[string]portcullis.ObservableType{
	"domain": portcullis.TypeDomain, "host": portcullis.TypeDomain, "hostname": portcullis.TypeDomain,
	"url": portcullis.TypeURL, "link": portcullis.TypeURL, "uri": portcullis.TypeURL,
	"email": portcullis.TypeEmail, "address": portcullis.TypeEmail, "from": portcullis.TypeEmail,
	"to": portcullis.TypeEmail, "sender": portcullis.TypeEmail, "recipient": portcullis.TypeEmail,
	"ip": portcullis.TypeIP, "ipv4": portcullis.TypeIP, "ipv6": portcullis.TypeIP,
	"cidr": portcullis.TypeCIDR, "range": portcullis.TypeCIDR, "net": portcullis.TypeCIDR,
	"hash": portcullis.TypeHash, "md5": portcullis.TypeHash, "sha1": portcullis.TypeHash, "sha256": portcullis.TypeHash,
	"subject":    portcullis.TypeSubject,
	"message-id": portcullis.TypeMessageID, "messageid": portcullis.TypeMessageID,
	"msgid": portcullis.TypeMessageID, "mid": portcullis.TypeMessageID,
	"filename": portcullis.TypeFileName, "file": portcullis.TypeFileName,
}

// Guess reads what a person typed or pasted: defanged notation is undone and the
// type found out. "type:value" states it, and is the only way to give a subject or
// a file name.
func Guess(s string) (portcullis.Observable, error) {
	s = strings.Trim(strings.TrimSpace(s), "\"'`“”‘’,;")
	if s == "" {
		return portcullis.Observable{}, fmt.Errorf("nothing to look for: give a domain, URL, address, IP, range, hash or type:value")
	}
	if name, value, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(value, "//") {
		if t, ok := typeNames[strings.ToLower(strings.TrimSpace(name))]; ok {
			return stated(t, strings.TrimSpace(value))
		}
	}
	return guessed(strings.TrimSpace(Refang(s)))
}

// stated reads a value whose type the user gave. Where a person would not tell
// an address from a range, or an address from its domain, neither do we.
func stated(t portcullis.ObservableType, value string) (portcullis.Observable, error) {
	switch t {
	case portcullis.TypeSubject, portcullis.TypeFileName, portcullis.TypeMessageID:
		return Canonical(t, value)
	}
	value = Refang(value)
	switch {
	case t == portcullis.TypeIP && strings.Contains(value, "/"):
		t = portcullis.TypeCIDR
	case t == portcullis.TypeEmail && !strings.Contains(value, "@"):
		t = portcullis.TypeDomain
	case t == portcullis.TypeDomain:
		value = strings.TrimPrefix(strings.TrimPrefix(value, "*."), ".")
	case t == portcullis.TypeURL && !strings.Contains(value, "://"):
		value = "http://" + value
	}
	return Canonical(t, value)
}

func guessed(s string) (portcullis.Observable, error) {
	if strings.ContainsAny(s, " \t") && !strings.HasSuffix(s, ">") {
		if h, err := Hash(s); err == nil {
			return portcullis.Observable{Type: portcullis.TypeHash, Value: h}, nil
		}
		return unknown(s)
	}
	switch {
	case strings.Contains(s, "://"):
		return Canonical(portcullis.TypeURL, s)
	case strings.HasPrefix(s, "<") && strings.Contains(s, "@"):
		return bracketedID(s)
	}
	for _, t := range []portcullis.ObservableType{portcullis.TypeIP, portcullis.TypeCIDR, portcullis.TypeHash} {
		if o, err := Canonical(t, s); err == nil {
			return o, nil
		}
	}
	return guessedName(s)
}

// guessedName decides between address, URL without scheme, and domain.
func guessedName(s string) (portcullis.Observable, error) {
	at, slash := strings.IndexByte(s, '@'), strings.IndexAny(s, "/?#")
	switch {
	case at >= 0 && (slash < 0 || at < slash || len(s) > 7 && strings.EqualFold(s[:7], "mailto:")):
		return Canonical(portcullis.TypeEmail, s)
	case slash > 0 || strings.Contains(s, ":"):
		host, _, _ := strings.Cut(s, ":")
		if !strings.Contains(s[:max(slash, len(host))], ".") {
			return unknown(s)
		}
		return Canonical(portcullis.TypeURL, "http://"+s)
	}
	name, err := Domain(strings.TrimPrefix(strings.TrimPrefix(s, "*."), "."))
	if err != nil || !strings.Contains(name, ".") {
		return unknown(s)
	}
	return portcullis.Observable{Type: portcullis.TypeDomain, Value: name}, nil
}

// bracketedID tells a message id from an address, which are both written <a@b>.
// Programs make message ids: their left side is long and full of digits, or their right
// side is no public name.
func bracketedID(s string) (portcullis.Observable, error) {
	body := strings.Trim(s, "<>")
	at := strings.LastIndexByte(body, '@')
	left, right := body[:max(at, 0)], body[at+1:]
	count := 0
	for i := range len(left) {
		if '0' <= left[i] && left[i] <= '9' {
			count++
		}
	}
	host, err := Domain(right)
	if err != nil || !plausible(host) || len(left) >= 12 && count >= 3 || len(left) >= 28 || strings.ContainsAny(left, "$%!") {
		return Canonical(portcullis.TypeMessageID, s)
	}
	return Canonical(portcullis.TypeEmail, s)
}

func unknown(s string) (portcullis.Observable, error) {
	return portcullis.Observable{}, fmt.Errorf(
		"%.80q is no domain, URL, address, IP, range or hash; write type:value (as in subject:%.40s) to say what it is", s, s)
}
