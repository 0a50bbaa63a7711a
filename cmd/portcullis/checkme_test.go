package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/pack"
)

// TestCheckMe is a member alone with an export and a partner's sealed list.
func TestCheckMe(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	secret, verifier, err := pack.MakeKey("cert.example")
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := pack.MakeKey("other.example")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "cert.key")
	if err := pack.WriteKey(key, secret); err != nil {
		t.Fatal(err)
	}
	signer, err := pack.LoadSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	indicator := portcullis.Indicator{Pattern: portcullis.Observable{Type: portcullis.TypeDomain, Value: "lantern-courier-world.example"}}
	made, err := pack.Make(pack.Options{Signer: signer, For: "Invitations that carried trackers", TLP: "TLP:AMBER", Created: time.Now(), Until: time.Now().Add(time.Hour), Fast: true,
		Params: pack.Params{Memory: 64, Time: 1, Lanes: 1}},
		[]pack.Item{{Indicator: indicator, Text: "It told them when and where you read it. See https://cert.example/a."}})
	if err != nil {
		t.Fatal(err)
	}
	sealed := filepath.Join(dir, "hunt.pack")
	if err := os.WriteFile(sealed, made.Bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	const mailbox = "../../examples/mailboxes/thomas.wright.mbox"
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   []string
		not    []string
	}{
		{"alone", nil, 0, []string{"42 messages were read", "Nothing was found", "only when the mail of several people is compared"}, []string{"What to do now"}},
		{
			"with the list", []string{"--pack", sealed, "--issuer", verifier, "--call", "Security desk, extension 4711"}, 0,
			[]string{
				"One of them may have been made to", "13 May 2025", "newsdesk@lantern-courier-world[.]example", "It told them when and where you read it",
				"hxxps[://]cert[.]example/a", "The sender may have learnt the time", "If you followed a link, note when", "extension 4711", "sealed list of “cert[.]example”", "Invitations that carried trackers",
			}, []string{"https://", "None of them is known"},
		},
		{"list of a stranger", []string{"--pack", sealed}, exitIncomplete, []string{"hunt.pack"}, []string{"messages were read"}},
		{"not the key that was told", []string{"--pack", sealed, "--issuer", stranger}, exitIncomplete, []string{"is not the key that you were told"}, []string{"messages were read"}},
		{"no such file", []string{filepath.Join(dir, "nothing.pst")}, exitIncomplete, []string{"nothing.pst"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"check-me", mailbox}, c.args...)
			status := run(t.Context(), args, stdio{strings.NewReader(""), &out, &errs})
			text := strings.Join(strings.Fields(out.String()+errs.String()), " ")
			if status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, text)
			}
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the answer does not say %q:\n%s", want, out.String()+errs.String())
				}
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("the answer says %q", not)
				}
			}
		})
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("something was kept: %v %v", left, err)
	}
}

// TestCheckMeNothingRead: that nothing could be read is no good news.
func TestCheckMeNothingRead(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	whole, err := os.ReadFile("../../examples/exports/anna.keller.pst")
	if err != nil {
		t.Fatal(err)
	}
	encrypted := bytes.Clone(whole)
	encrypted[513] = 0x10 // MS-PST §2.2.2.6, bCryptMethod: Windows Information Protection
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"encrypted.pst", encrypted, "encrypted with Windows Information Protection"},
		{"cut.pst", whole[:len(whole)/2], "the file is cut off"},
		{"other.pst", []byte("no mail at all"), "nothing of it could be read"},
		{"empty.mbox", nil, "there is no message in it"},
		{"me.olm", []byte("PK\x05\x06" + strings.Repeat("\x00", 18)), "an archive of Outlook for Mac"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.name)
			writeFile(t, path, c.raw)
			var out, errs bytes.Buffer
			if status := run(t.Context(), []string{"check-me", path}, stdio{strings.NewReader(""), &out, &errs}); status != exitIncomplete {
				t.Errorf("status %d", status)
			}
			if !strings.Contains(errs.String(), c.want) || strings.Contains(out.String(), "good news") {
				t.Errorf("it says:\n%s%s", out.String(), errs.String())
			}
		})
	}
}

// TestSweepChecks: what a killed check left goes, what a running one has stays, and so does what is no check's.
func TestSweepChecks(t *testing.T) {
	dir := t.TempDir()
	ended := exec.Command("portcullis", "--version")
	_ = ended.Run() // only its number is wanted
	mine := filepath.Join(dir, fmt.Sprintf("%s%d-1", checkPrefix, os.Getpid()))
	gone := filepath.Join(dir, fmt.Sprintf("%s%d-1", checkPrefix, ended.Process.Pid))
	other := filepath.Join(dir, checkPrefix+"list")
	for _, name := range []string{mine, gone, other} {
		if err := os.MkdirAll(filepath.Join(name, "inner"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sweepChecks(dir)
	for name, want := range map[string]bool{mine: true, gone: false, other: true} {
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
}

// TestCheckMeByName: started by double-click the program has no arguments, only its name.
func TestCheckMeByName(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/bin/portcullis": "", "C:\\Portcullis-Check-Me.exe": checkMeProgram, "./portcullis-check-me": checkMeProgram,
	} {
		got := strings.Join(personal(program, nil), " ")
		if got != want {
			t.Errorf("%s: %q, want %q", program, got, want)
		}
	}
	if got := personal("portcullis-check-me", []string{"--call", "x"}); strings.Join(got, " ") != "check-me --call x" {
		t.Errorf("%q", got)
	}
}

// TestCheckMeSaysWhatItCouldNotSee: whose mail it was taken for, and that what is encrypted was not looked through.
func TestCheckMeSaysWhatItCouldNotSee(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const head = "From: a@shop.example\nTo: me@house.example\nDate: Mon, 02 Mar 2026 09:00:00 +0000\nSubject: x\n"
	for name, c := range map[string]struct {
		mail string
		want bool
	}{
		"openpgp":   {head + "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\nx\n--b--\n", true},
		"in line":   {head + "\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n", true},
		"s/mime":    {head + "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\nMIIB\n", true},
		"signature": {head + "Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\nMIIB\n", false},
		"plain":     {head + "\nhello\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.eml")
			writeFile(t, path, []byte(c.mail))
			var out, errs bytes.Buffer
			if status := run(t.Context(), []string{"check-me", path}, stdio{strings.NewReader(""), &out, &errs}); status != exitOK {
				t.Fatalf("status %d: %s", status, errs.String())
			}
			text := strings.Join(strings.Fields(out.String()), " ")
			if !strings.Contains(text, "me@house.example") || strings.Contains(text, "One message is encrypted") != c.want {
				t.Errorf("it says:\n%s", out.String())
			}
		})
	}
}

// TestCheckMeStopped: a window that is closed, Ctrl-C and the end of a session leave nothing, and the page's own file goes too.
func TestCheckMeStopped(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send; closing the console arrives as SIGTERM")
	}
	for _, sent := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM, os.Interrupt} {
		if signal.Ignored(sent) { // under nohup what we start ignores it too, as it should
			continue
		}
		temp := t.TempDir()
		var errs bytes.Buffer
		patience, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		cmd := exec.CommandContext(patience, "portcullis", "check-me", "--no-open")
		cmd.Env = append(os.Environ(), "TMPDIR="+temp, "HOME="+temp)
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v %s", sent, err, errs.String())
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%v left %v %v", sent, left, err)
		}
	}
	var out, errs bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status := run(ctx, []string{"check-me", "../../examples/mailboxes/thomas.wright.mbox"}, stdio{strings.NewReader(""), &out, &errs})
	if status != exitFailed || !strings.Contains(errs.String(), "nothing is kept") {
		t.Errorf("status %d: %s", status, errs.String())
	}
}
