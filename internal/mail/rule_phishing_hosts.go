package mail

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed rule_phishing_hosts.txt
var hostText string

// hostKind is what a host or suffix is known for.
type hostKind uint8

const (
	hostUnknown hostKind = iota
	hostShortener
	hostBucket
	hostHosting
	hostForm
	hostGateway
	hostMailer
)

var hostKinds = map[string]hostKind{"shortener": hostShortener, "bucket": hostBucket, "hosting": hostHosting, "form": hostForm, "gateway": hostGateway, "mailer": hostMailer}

type hostTable struct {
	hosts map[string]hostKind
	paths map[string][]string // host: path prefixes of forms
	cheap map[string]bool
}

var knownHosts = sync.OnceValue(func() *hostTable {
	t := &hostTable{hosts: map[string]hostKind{}, paths: map[string][]string{}, cheap: map[string]bool{}}
	for line := range strings.Lines(hostText) {
		name, list, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for _, h := range strings.Fields(list) {
			host, path, hasPath := strings.Cut(h, "/")
			switch {
			case name == "cheap":
				t.cheap[h] = true
			case hasPath:
				t.paths[host] = append(t.paths[host], "/"+path)
			default:
				t.hosts[h] = hostKinds[name]
			}
		}
	}
	return t
})

// kind looks a host up, then each domain above it.
func (t *hostTable) kind(host, path string) hostKind {
	for h := host; h != ""; {
		if k, ok := t.hosts[h]; ok {
			return k
		}
		for _, prefix := range t.paths[h] {
			if strings.HasPrefix(path, prefix) {
				return hostForm
			}
		}
		_, rest, ok := strings.Cut(h, ".")
		if !ok {
			break
		}
		h = rest
	}
	return hostUnknown
}

func (t *hostTable) cheapSuffix(host string) bool {
	return t.cheap[host[strings.LastIndexByte(host, '.')+1:]]
}

// oddLabel tells whether a label looks like the output of a generator: long
// runs of consonants, digits within letters. Known misses: generators that use
// words.
func oddLabel(label string) bool {
	if len(label) < 6 || strings.HasPrefix(label, "xn--") {
		return false
	}
	run, longest, changes, digits := 0, 0, 0, 0
	previous := byte(0)
	for i := range len(label) {
		c := label[i]
		digit := c >= '0' && c <= '9'
		if digit {
			digits++
		}
		if i > 0 && digit != (previous >= '0' && previous <= '9') && c != '-' && previous != '-' {
			changes++
		}
		if c >= 'a' && c <= 'z' && !strings.ContainsRune("aeiouy", rune(c)) {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
		previous = c
	}
	return longest >= 6 || changes >= 3 || changes >= 2 && longest >= 4 || digits >= 5 && digits*2 >= len(label)
}

// registered is the label that was registered: the first of the
// organisational domain.
func registered(org string) string {
	label, _, _ := strings.Cut(org, ".")
	return label
}
