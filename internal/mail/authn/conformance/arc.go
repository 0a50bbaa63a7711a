package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"portcullis.example/portcullis/internal/mail/authn/arc"
	"portcullis.example/portcullis/internal/mail/authn/dkim"
	"portcullis.example/portcullis/internal/mail/authn/lookup"
)

// arcDocument is one scenario of the ValiMail suite. Names of cases repeat, so
// the mapping is read as a node.
type arcDocument struct {
	Description string            `yaml:"description"`
	Tests       yaml.Node         `yaml:"tests"`
	TXTRecords  map[string]string `yaml:"txt-records"`
	Domain      string            `yaml:"domain"` // of the signing cases, as the rest
	Selector    string            `yaml:"sel"`
	PrivateKey  string            `yaml:"privatekey"`
}

type arcTest struct {
	Message    string `yaml:"message"`
	CV         string `yaml:"cv"`
	Time       string `yaml:"t"`
	SigHeaders string `yaml:"sig-headers"`
	ServID     string `yaml:"srv-id"`
	AS         string `yaml:"AS"`
	AMS        string `yaml:"AMS"`
	AAR        string `yaml:"AAR"`
}

// Contradiction is a case on which the published standard decides otherwise
// than the suite. The runner wants the standard's answer.
type Contradiction struct {
	Case    string
	Suite   string // what the suite expects
	RFC     string // what the standard says
	Section string
}

// ARCContradictions are the validation cases that RFC 8617 contradicts. The
// suite was written against draft-ietf-dmarc-arc-protocol.
func ARCContradictions() []Contradiction {
	return []Contradiction{
		{"cv_fail_i1_as_cv_fail", "", "fail", "RFC 8617 §5.2 steps 2 and 3.C: a chain with cv=fail fails; the draft gave no result"},
		{"cv_fail_i2_as2_fail", "", "fail", "RFC 8617 §5.2 step 2: the newest seal says cv=fail"},
		{"cv_fail_i2_as1_fail", "", "fail", "RFC 8617 §5.2 step 3.C: no seal may say cv=fail"},
		{"ams_fields_c_na", "pass", "fail", "RFC 8617 §4.1.2 with RFC 6376 §3.5: without c= a signature is simple/simple; the draft's default was relaxed/relaxed"},
		{"ams_fields_h_empty", "pass", "fail", "RFC 8617 §4.1.2 with RFC 6376 §3.5 and §6.1.1: h= must not be empty and must name From"},
	}
}

// eachARC calls run for every case of a suite. Some names stand there twice;
// such a name counts once, and passes if every case of that name does.
func eachARC(path string, run func(doc *arcDocument, name string, t arcTest) string) (passed, total int, failures []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("open ARC suite: %w", err)
	}
	defer f.Close()
	dec := yaml.NewDecoder(f)
	for {
		var doc arcDocument
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return passed, total, failures, nil
		} else if err != nil {
			return passed, total, failures, fmt.Errorf("read ARC suite %s: %w", path, err)
		}
		why, err := doc.run(run)
		if err != nil {
			return passed, total, failures, fmt.Errorf("read ARC suite %s: %w", path, err)
		}
		for _, name := range sortedKeys(why) {
			total++
			if why[name] == "" {
				passed++
				continue
			}
			failures = append(failures, doc.Description+"/"+name+": "+why[name])
		}
	}
}

// run returns by name why a case failed.
func (doc *arcDocument) run(run func(doc *arcDocument, name string, t arcTest) string) (map[string]string, error) {
	why := map[string]string{}
	for i := 0; i+1 < len(doc.Tests.Content); i += 2 {
		name := doc.Tests.Content[i].Value
		var t arcTest
		if err := doc.Tests.Content[i+1].Decode(&t); err != nil {
			return nil, fmt.Errorf("case %s: %w", name, err)
		}
		if reason := run(doc, name, t); reason != "" || why[name] == "" {
			why[name] = reason
		}
	}
	return why, nil
}

func (doc *arcDocument) zone() lookup.Zone {
	z := lookup.Zone{TXT: map[string][]string{}}
	for name, txt := range doc.TXTRecords {
		z.TXT[lookup.Canonical(name)] = []string{strings.TrimSpace(txt)}
	}
	return z
}

// RunARCSuite runs the validation cases of the ValiMail suite. On the cases of
// ARCContradictions it wants what RFC 8617 says.
func RunARCSuite(path string) (passed, total int, failures []string, err error) {
	overruled := map[string]string{}
	for _, c := range ARCContradictions() {
		overruled[c.Case] = c.RFC
	}
	return eachARC(path, func(doc *arcDocument, name string, t arcTest) string {
		want := strings.ToLower(strings.TrimSpace(t.CV))
		if by, ok := overruled[name]; ok {
			want = by
		}
		got := arc.Validate(context.Background(), dkim.Split([]byte(t.Message)), doc.zone())
		if string(got.Status) != want {
			return fmt.Sprintf("chain is %s (%s), want %s", got.Status, got.Reason, want)
		}
		return ""
	})
}
