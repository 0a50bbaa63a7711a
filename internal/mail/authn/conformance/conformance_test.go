package conformance

import (
	"testing"

	"portcullis.example/portcullis/internal/testenv"
)

func TestSPF(t *testing.T) {
	passed, total, failures, err := RunSPFSuite(testenv.Data(t, "authn", "rfc7208-tests.yml"))
	check(t, passed, total, 203, failures, err)
}

func check(t *testing.T, passed, total, want int, failures []string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		t.Error(f)
	}
	if total != want {
		t.Errorf("the suite has %d cases, want %d", total, want)
	}
	t.Logf("%d of %d", passed, total)
}

func TestARCValidation(t *testing.T) {
	passed, total, failures, err := RunARCSuite(testenv.Data(t, "authn", "arc", "arc-draft-validation-tests.yml"))
	check(t, passed, total, 171, failures, err)
}

func TestDMARC(t *testing.T) {
	passed, total, failures, err := RunDMARCSuite(testenv.Data(t, "authn", "dmarc-cases.json"))
	check(t, passed, total, 21, failures, err)
}

func TestARCSigning(t *testing.T) {
	passed, total, failures, err := RunARCSigningSuite(testenv.Data(t, "authn", "arc", "arc-draft-sign-tests.yml"))
	check(t, passed, total, 17, failures, err)
}
