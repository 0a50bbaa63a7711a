package bench

import (
	"cmp"
	"context"
	"fmt"

	"portcullis.example/portcullis/internal/mail/authn/conformance"
)

// suite is one published test suite.
type suite struct {
	name string
	path []string
	want int // cases to pass; 0: all there are
	run  func(path string) (passed, total int, failures []string, err error)
}

func suites() []suite {
	return []suite{
		{"SPF (RFC 7208)", []string{"authn", "rfc7208-tests.yml"}, 203, conformance.RunSPFSuite},
		{"ARC validation (RFC 8617)", []string{"authn", "arc", "arc-draft-validation-tests.yml"}, 171, conformance.RunARCSuite},
		{"ARC signing", []string{"authn", "arc", "arc-draft-sign-tests.yml"}, 17, conformance.RunARCSigningSuite},
		{"DMARC, recorded cases (RFC 9989)", []string{"authn", "dmarc-cases.json"}, 21, conformance.RunDMARCSuite},
	}
}

// conformanceOf runs the suites. Where a suite and the published standard
// differ the standard counts, and every such case is listed.
func conformanceOf(_ context.Context, b *bench, s *Section) error {
	for _, one := range suites() {
		path, err := b.data(one.path...)
		if err != nil {
			s.detail("%s: %v", one.name, err)
			continue
		}
		passed, total, failures, err := one.run(path)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		s.claim(one.name, fmt.Sprintf("%d/%d", passed, total), fmt.Sprintf("%d/%d", one.want, one.want), passed == total && total >= one.want)
		for _, f := range failures {
			s.detail("%s: %s", one.name, f)
		}
	}
	vectors(s)
	contradictions(s, "RFC 8617", conformance.ARCContradictions())
	contradictions(s, "RFC 9989", conformance.DMARCContradictions())
	return nil
}

func contradictions(s *Section, standard string, list []conformance.Contradiction) {
	s.tell("Cases that "+standard+" contradicts", "%d", len(list))
	for _, c := range list {
		s.detail("%s contradicts the suite on %s: suite %s, standard %s (%s)", standard, c.Case, cmp.Or(c.Suite, "no result"), c.RFC, c.Section)
	}
}
