package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"portcullis.example/portcullis/internal/mail/authn/lookup"
	"portcullis.example/portcullis/internal/mail/authn/spf"
)

// spfDocument is one scenario of the openspf.org suite.
type spfDocument struct {
	Description string                         `yaml:"description"`
	Tests       map[string]spfTest             `yaml:"tests"`
	ZoneData    map[string][]map[string]anyYML `yaml:"zonedata"`
}

type spfTest struct {
	Helo        string `yaml:"helo"`
	Host        string `yaml:"host"`
	MailFrom    string `yaml:"mailfrom"`
	Result      anyYML `yaml:"result"`
	Explanation string `yaml:"explanation"`
}

// anyYML is a scalar or a list of scalars, as strings.
type anyYML []string

func (a *anyYML) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			*a = append(*a, item.Value)
		}
		return nil
	}
	*a = anyYML{n.Value}
	return nil
}

// RunSPFSuite runs the openspf.org suite for RFC 7208. Explanations are compared
// too, without regard to case, which the RFC leaves open for addresses.
func RunSPFSuite(path string) (passed, total int, failures []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("open SPF suite: %w", err)
	}
	defer f.Close()
	dec := yaml.NewDecoder(f)
	for {
		var doc spfDocument
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return passed, total, failures, fmt.Errorf("read SPF suite %s: %w", path, err)
		}
		zone := spfZone(doc.ZoneData)
		for _, name := range sortedKeys(doc.Tests) {
			total++
			if why := runSPFTest(zone, doc.Tests[name]); why == "" {
				passed++
			} else {
				failures = append(failures, doc.Description+"/"+name+": "+why)
			}
		}
	}
	return passed, total, failures, nil
}

func runSPFTest(zone lookup.Zone, t spfTest) string {
	ip, err := netip.ParseAddr(t.Host)
	if err != nil {
		return err.Error()
	}
	got := spf.Check(context.Background(), zone, spf.Request{IP: ip, Helo: t.Helo, MailFrom: t.MailFrom})
	if !slices.Contains(t.Result, string(got.Result)) {
		return fmt.Sprintf("result %s (%s), want %s", got.Result, got.Reason, strings.Join(t.Result, " or "))
	}
	want := t.Explanation
	if want == "DEFAULT" {
		want = ""
	}
	if t.Explanation != "" && !strings.EqualFold(got.Explanation, want) {
		return fmt.Sprintf("explanation %q, want %q", got.Explanation, want)
	}
	return ""
}

// spfZone builds the DNS of a scenario. Type SPF is no more (RFC 7208 §3.1), so
// such a record stands for a TXT record unless the name has TXT data of its own.
func spfZone(data map[string][]map[string]anyYML) lookup.Zone {
	z := lookup.Zone{
		TXT: map[string][]string{}, A: map[string][]netip.Addr{}, AAAA: map[string][]netip.Addr{},
		MX: map[string][]lookup.MX{}, PTR: map[string][]string{}, Fail: map[string]bool{},
	}
	alias := map[string]string{}
	for name, records := range data {
		addSPFRecords(&z, alias, lookup.Canonical(name), records)
	}
	for name, target := range alias {
		z.TXT[name], z.A[name], z.AAAA[name], z.MX[name], z.Fail[name] = z.TXT[target], z.A[target], z.AAAA[target], z.MX[target], z.Fail[target]
	}
	return z
}

func addSPFRecords(z *lookup.Zone, alias map[string]string, name string, records []map[string]anyYML) {
	hasTXT := slices.ContainsFunc(records, func(r map[string]anyYML) bool { return r["TXT"] != nil })
	for _, record := range records {
		for rtype, v := range record {
			switch {
			case rtype == "TXT" && slices.Equal(v, anyYML{"NONE"}):
			case rtype == "TXT", rtype == "SPF" && !hasTXT:
				z.TXT[name] = append(z.TXT[name], latin1(strings.Join(v, "")))
			case rtype == "A":
				z.A[name] = append(z.A[name], netip.MustParseAddr(v[0]))
			case rtype == "AAAA":
				z.AAAA[name] = append(z.AAAA[name], netip.MustParseAddr(v[0]))
			case rtype == "MX":
				pref, _ := strconv.Atoi(v[0])
				z.MX[name] = append(z.MX[name], lookup.MX{Preference: uint16(pref), Host: v[1]})
			case rtype == "PTR":
				key := fromReverse(name)
				z.PTR[key] = append(z.PTR[key], v[0])
			case rtype == "CNAME":
				alias[name] = lookup.Canonical(v[0])
			case rtype == "TIMEOUT", rtype == "CNAMELOOP":
				z.Fail[name] = true
			}
		}
	}
}

// latin1 undoes YAML's reading of \xEF as a code point: the suite means bytes.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}

// fromReverse turns a name of the reverse zone into the address it stands for.
func fromReverse(name string) string {
	if v4, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(v4, ".")
		slices.Reverse(parts)
		return strings.Join(parts, ".")
	}
	v6, _ := strings.CutSuffix(name, ".ip6.arpa")
	nibbles := strings.Split(v6, ".")
	slices.Reverse(nibbles)
	var b strings.Builder
	for i, n := range nibbles {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		b.WriteString(n)
	}
	addr, err := netip.ParseAddr(b.String())
	if err != nil {
		return name
	}
	return addr.String()
}
