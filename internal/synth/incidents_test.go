package synth

import (
	"strings"
	"testing"
)

// TestIncidentsShareWhatTheyShould checks that the truth can be told from the
// mails: what the habit keeps is in every wave, and nothing else ties operations.
func TestIncidentsShareWhatTheyShould(t *testing.T) {
	h := NewHouse(4, 60)
	mails := Incidents(4, h, 24)
	members := map[string][]Mail{}
	for _, m := range mails {
		if m.Truth.Malicious {
			members[m.Truth.Campaign] = append(members[m.Truth.Campaign], m)
		}
	}
	if len(members) != 24 {
		t.Fatalf("%d operations, want 24", len(members))
	}
	for id, list := range members {
		if len(list) < 2 {
			t.Errorf("%s has %d mails; one mail joins nothing", id, len(list))
		}
		switch list[0].Truth.Class {
		case "incident/same-reply":
			sameLine(t, id, list, "Reply-To: ", func(s string) string { return s[strings.LastIndexByte(s, '<'):] })
		case "incident/same-server":
			sameLine(t, id, list, "Received: from ", func(s string) string { return s })
		}
	}
}

// TestIncidentsHaveOwners checks that no two operations share by accident what has one owner: an address
// that answers go to or that mail comes from, and a machine that is not web space for many.
func TestIncidentsHaveOwners(t *testing.T) {
	for seed := range uint64(6) {
		owner := map[string]string{}
		for _, m := range Incidents(seed, NewHouse(seed, 60), 40) {
			if m.Truth.Campaign == "" {
				continue
			}
			for _, value := range owned(string(m.Raw)) {
				if other, taken := owner[value]; taken && other != m.Truth.Campaign {
					t.Errorf("seed %d: %s is both of %s and %s", seed, value, other, m.Truth.Campaign)
				}
				owner[value] = m.Truth.Campaign
			}
		}
	}
}

// owned are the addresses of a mail's author, and the machine it came from unless others have it too.
func owned(raw string) (list []string) {
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		for _, name := range []string{"From: ", "Reply-To: "} {
			if rest, ok := strings.CutPrefix(line, name); ok {
				list = append(list, rest[strings.LastIndexByte(rest, '<'):])
			}
		}
		if rest, ok := strings.CutPrefix(line, "Received: from "); ok && strings.Contains(rest, "[2001:db8:") && !strings.HasPrefix(rest, "[") {
			list = append(list, rest[strings.IndexByte(rest, '['):])
		}
	}
	return list
}

// sameLine fails unless a header line of all mails gives the same value.
func sameLine(t *testing.T, id string, list []Mail, prefix string, value func(string) string) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range list {
		for line := range strings.SplitSeq(string(m.Raw), "\r\n") {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				seen[value(rest)] = true
				break
			}
		}
	}
	if len(seen) != 1 {
		t.Errorf("%s: %d values of %q, want one: %v", id, len(seen), prefix, seen)
	}
}
