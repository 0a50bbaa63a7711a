package mail

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/authn"
)

// Authentication as evidence for the others. A message that authenticates is
// only known to come from whoever owns its domain, and one that does not may
// have been forwarded; so this rule states facts, always informational, and the
// other rules ask Input.Authenticated what they need.
//
// In retrospect only three sources can be believed: Authentication-Results of
// servers the operator named, keys that were archived, and DNS answers that were
// recorded. Where none says anything the statement is that it is unknown.
var authenticationRule = Rule{
	Name:      "mail/authentication",
	Version:   1,
	Technique: "T1672",
	About:     "Whether the sender's domain stands behind the mail (SPF, DKIM, DMARC, ARC), and how well.",
	Judge:     judgeAuthentication,
}

func judgeAuthentication(in *Input) []Statement {
	if in.SenderDomain == "" {
		return nil
	}
	var list []Statement
	if s, ok := notAuthenticated(in); ok {
		list = append(list, s)
	}
	if s, ok := weakSignature(in); ok {
		list = append(list, s)
	}
	if s, ok := vouched(in); ok {
		list = append(list, s)
	}
	return list
}

// notAuthenticated states that the author's domain does not stand behind the
// mail, or that this cannot be known.
func notAuthenticated(in *Input) (Statement, bool) {
	pass, known := in.Authenticated()
	s := Statement{Key: "dmarc", Confidence: 90, Flip: "DMARC of " + in.SenderDomain + " passes"}
	s.Evidence = []portcullis.Evidence{in.HeaderEvidence("From", 0, "the author's domain")}
	switch {
	case known && pass:
		return s, false
	case known:
		s.Points = 8
		s.Summary = fmt.Sprintf("%s does not stand behind this mail: DMARC failed.", in.SenderDomain)
		if i := in.trustedField("dmarc"); i >= 0 {
			s.Evidence = append(s.Evidence, in.HeaderEvidence("Authentication-Results", i, "what the receiving server found"))
		}
	case in.Unaligned():
		s.Points, s.Confidence = 2, 60
		s.Summary = fmt.Sprintf("The mail was sent for %s by %s, and no signature of %s is on it.", in.SenderDomain, in.F.Authn.SPF.Domain, in.SenderDomain)
		s.Unknown = []string{"whether " + in.SenderDomain + " allows that: no trusted result and no DNS"}
	default:
		in.Unknown("authentication of " + in.SenderDomain + ": no trusted result and no DNS")
		return s, false
	}
	if in.List() {
		s.Points, s.Confidence = 0, 40
		s.Summary += " It came through a mailing list, which causes that."
	}
	return s, true
}

// trustedField is the index of the Authentication-Results field that holds the
// method's result, or -1.
func (in *Input) trustedField(method string) int {
	for _, r := range in.F.Trusted {
		if r.Instance == 0 && r.Method == method {
			return r.Field
		}
	}
	return -1
}

// signatureFaults are weaknesses of a signature, in plain words.
var signatureFaults = map[string]string{
	authn.FlagBodyLength: "covers the beginning of the text only, so that text can be added behind",
	authn.FlagUnsigned:   "does not cover who wrote the mail",
	authn.FlagSecondFrom: "does not cover a second From field",
	authn.FlagExpired:    "had expired when the mail came",
	authn.FlagFuture:     "is dated in the future",
	authn.FlagSHA1:       "uses an algorithm that must not be accepted any more",
	authn.FlagWeakKey:    "uses a key that is too short",
}

// weakSignature states what is wrong with signatures by the author's own domain.
// Those of others (providers, lists) say nothing about the author.
func weakSignature(in *Input) (Statement, bool) {
	for i, d := range in.F.Authn.DKIM {
		if d.Aligned == authn.AlignedNo {
			continue
		}
		var faults []string
		points := 0
		switch d.BodyHash {
		case authn.BodyMismatch:
			faults, points = append(faults, "was made over another text: the mail was changed on its way"), 2
		case authn.BodyPrefix:
			faults, points = append(faults, "covers the beginning of the text only, and more follows"), 6
		}
		for _, flag := range d.Flags {
			if fault := signatureFaults[flag]; fault != "" && !slices.Contains(faults, fault) {
				faults = append(faults, fault)
				points = max(points, 3)
			}
		}
		if len(faults) == 0 {
			continue
		}
		if in.List() {
			points = 0
		}
		return Statement{
			Key: "dkim", Points: points, Confidence: 80,
			Summary:  fmt.Sprintf("The signature of %s %s.", d.Domain, strings.Join(faults, "; it ")),
			Evidence: []portcullis.Evidence{{Part: headerPart("DKIM-Signature", i), Start: d.Start, End: d.End, Note: "the signature"}},
			Flip:     "a signature of " + d.Domain + " over the whole mail as it arrived",
		}, true
	}
	return Statement{}, false
}

// vouched states a chain of forwarders (ARC, RFC 8617) that is broken. A chain
// that holds is the forwarders' word for what they saw; whether to believe them
// is the operator's decision.
func vouched(in *Input) (Statement, bool) {
	arc := in.F.Authn.ARC
	if arc.Result != authn.Fail {
		return Statement{}, false
	}
	return Statement{
		Key: "arc", Points: 2, Confidence: 70,
		Summary:  "The forwarders' seals (ARC) on this mail do not hold: " + arc.Reason + ".",
		Evidence: []portcullis.Evidence{in.HeaderEvidence("ARC-Seal", 0, "the newest seal")},
		Flip:     "a chain of seals that validates",
	}, true
}
