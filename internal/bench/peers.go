package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// peers lets other filters judge the same mail, offline, where they are installed:
// CPU time per message, on the phishing set. It starts and stops them itself and
// uses no configuration of the machine beyond their packaged defaults.
func peers(ctx context.Context, b *bench, s *Section) error {
	dir, err := b.data("mail", "phishing")
	if err != nil {
		return err
	}
	files, err := messageFiles(dir)
	if err != nil {
		return err
	}
	files = files[:min(len(files), b.full(300, 60))]
	s.condition("The first %d mails of the phishing set, network tests off or answered by nobody; what starting costs is taken off. Compare with \"Judged\" and \"Scanned\" under Speed.", len(files))
	for _, peer := range []struct {
		name    string
		needs   []string
		measure func(context.Context, *bench, []string) (time.Duration, string, error)
	}{
		{"rspamd", []string{"rspamd", "rspamc"}, rspamd},
		{"SpamAssassin", []string{"spamassassin"}, spamAssassinPeer},
	} {
		if missing := notFound(peer.needs); missing != "" {
			s.detail("%s is not measured: %s is not installed.", peer.name, missing)
			continue
		}
		b.say("  %s", peer.name)
		cpu, version, err := peer.measure(ctx, b, files)
		if err != nil {
			s.detail("%s could not be measured: %v", peer.name, err)
			continue
		}
		s.tell(version, "%.1f messages per CPU-second", float64(len(files))/cpu.Seconds())
	}
	return nil
}

func notFound(programs []string) string {
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			return name
		}
	}
	return ""
}

func versionOf(ctx context.Context, b *bench, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = b.environment()
	o, err := execute(cmd)
	if err != nil {
		return name
	}
	return firstLine(o.out)
}

// spamAssassinPeer judges an mbox in one process, and an mbox of one mail to know
// what starting costs.
func spamAssassinPeer(ctx context.Context, b *bench, files []string) (time.Duration, string, error) {
	once := func(files []string) (time.Duration, error) {
		mbox, err := b.mboxOf(files)
		if err != nil {
			return 0, err
		}
		f, err := os.Open(mbox)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		cmd := exec.CommandContext(ctx, "spamassassin", "-L", "-t", "--mbox")
		cmd.Env, cmd.Stdin = b.environment(), f
		o, err := execute(cmd)
		if err == nil && !bytes.Contains(o.out, []byte("X-Spam")) {
			err = fmt.Errorf("it judged nothing: %s", tail(o.err))
		}
		return o.cpu, err
	}
	if _, err := once(files[:1]); err != nil { // the first run makes its folder
		return 0, "", err
	}
	start, err := once(files[:1])
	if err != nil {
		return 0, "", err
	}
	all, err := once(append(files[:1:1], files...))
	return all - start, versionOf(ctx, b, "spamassassin", "--version") + ", local tests", err
}

func (b *bench) mboxOf(files []string) (string, error) {
	var out bytes.Buffer
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		out.WriteString("From someone@example.org Mon Jan  1 00:00:00 2024\n")
		raw = bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\nFrom "), []byte("\n>From "))
		out.Write(raw)
		out.WriteString("\n\n")
	}
	return b.write("peer.mbox", out.String())
}

// rspamd starts the daemon with one worker on a free local port and sends the
// mails to it; its worker's CPU time is read before and after.
func rspamd(ctx context.Context, b *bench, files []string) (time.Duration, string, error) {
	dir, err := b.folder("rspamd")
	if err != nil {
		return 0, "", err
	}
	address, err := freePort()
	if err != nil {
		return 0, "", err
	}
	config := filepath.Join(dir, "rspamd.conf")
	if err := os.WriteFile(config, []byte(rspamdConfig(dir, address)), 0o600); err != nil {
		return 0, "", err
	}
	daemon := exec.CommandContext(ctx, "rspamd", "-f", "-i", "-c", config)
	if err := daemon.Start(); err != nil {
		return 0, "", err
	}
	defer func() {
		_ = daemon.Process.Signal(os.Interrupt) // it ends its workers; Wait tells nothing new
		_ = daemon.Wait()
	}()
	if err := listening(ctx, address, 90*time.Second); err != nil {
		return 0, "", err
	}
	if _, err := rspamc(ctx, address, files[:1]); err != nil {
		return 0, "", err
	}
	before, err := workersCPU(daemon.Process.Pid)
	if err != nil {
		return 0, "", err
	}
	judged, err := rspamc(ctx, address, files)
	if err != nil {
		return 0, "", err
	}
	if judged < len(files)*99/100 {
		return 0, "", fmt.Errorf("it judged %d of %d", judged, len(files))
	}
	after, err := workersCPU(daemon.Process.Pid)
	return after - before, versionOf(ctx, b, "rspamd", "--version") + ", DNS unreachable", err
}

// rspamdConfig is the packaged configuration with a resolver that refuses.
func rspamdConfig(dir, address string) string {
	return fmt.Sprintf(`.include "/etc/rspamd/common.conf"
options {
  .include "/etc/rspamd/options.inc"
  pidfile = "%[1]s/pid";
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.05s; retransmits = 1; }
}
logging { type = "file"; filename = "%[1]s/log"; level = "error"; }
worker "normal" { bind_socket = "%[2]s"; count = 1; enabled = true; }
`, dir, address)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func listening(ctx context.Context, address string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not listen on %s: %w", address, err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func rspamc(ctx context.Context, address string, files []string) (judged int, err error) {
	cmd := exec.CommandContext(ctx, "rspamc", append([]string{"-h", address, "-n", "4"}, files...)...)
	o, err := execute(cmd)
	return bytes.Count(o.out, []byte("Action:")), err
}

// workersCPU adds up the CPU time of a daemon's scanning workers (proc(5): the
// 14th and 15th field of stat, in hundredths of a second).
func workersCPU(parent int) (total time.Duration, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	found := false
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 13 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		title, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil || !bytes.Contains(title, []byte("normal process")) {
			continue
		}
		found = true
		for _, f := range fields[11:13] {
			ticks, err := strconv.Atoi(f)
			if err != nil {
				return 0, err
			}
			total += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	if !found {
		return 0, errors.New("its workers are not to be found in /proc")
	}
	return total, nil
}
