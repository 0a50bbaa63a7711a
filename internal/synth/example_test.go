package synth

import (
	"strings"
	"testing"
)

// The example tells its story: what happened, to whom, among some 300 messages.
func TestExampleTellsItsStory(t *testing.T) {
	mails := Example()
	if len(mails) < 250 || len(mails) > 350 {
		t.Errorf("%d messages, want some 300", len(mails))
	}
	reached := map[string][]string{}
	for _, m := range mails {
		if m.Truth.Malicious {
			reached[m.Truth.Class] = append(reached[m.Truth.Class], strings.Join(m.Truth.Targets, " "))
		}
		checkHosts(t, "example "+m.Truth.Class, m)
	}
	for class, want := range map[string]string{
		"reconnaissance":             "anna.keller@parliament.example thomas.wright@parliament.example okovalchuk@freepost.example bjoern.lindqvist@parliament.example anna.keller@parliament.example okovalchuk@freepost.example",
		"impersonation/domain-rnm":   "asa.nystroem@lindmark-diet.example",
		"credential/login-lookalike": "claire.dubois@parliament.example",
		"hijack/bank-details":        "claire.dubois@parliament.example",
		"register/xlsx":              "ngozi.okafor@elections-verania.example",
	} {
		if got := strings.Join(reached[class], " "); got != want {
			t.Errorf("%s reached %q, want %q", class, got, want)
		}
		delete(reached, class)
	}
	if len(reached) > 0 {
		t.Errorf("attacks that are not part of the story: %v", reached)
	}
}

func TestExamplePeopleAreForty(t *testing.T) {
	toml := ExamplePeopleTOML()
	if n := strings.Count(toml, "\n[[person]]\n"); n != 40 {
		t.Errorf("%d people, want 40", n)
	}
	for _, name := range []string{"王丽华", "Олена Ковальчук", "Γιώργος Παπαδάκης", "ليلى حداد"} {
		if !strings.Contains(toml, name) {
			t.Errorf("%s is not in people.toml", name)
		}
	}
}
