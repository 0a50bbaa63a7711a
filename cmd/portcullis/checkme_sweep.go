package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// checkPrefix begins the names of whatever a check keeps while it runs; the id of its process stands behind.
const checkPrefix = "portcullis-check-"

// checkFolder is the pattern for a temporary folder.
func checkFolder() string { return fmt.Sprintf("%s%d-*", checkPrefix, os.Getpid()) }

// sweepChecks removes what a check that was killed left behind: what belongs to no process any more.
func sweepChecks(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, checkPrefix+"*"))
	for _, name := range old {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(name), checkPrefix), "-")
		if pid, err := strconv.Atoi(number); err == nil && pid > 0 && !alive(pid) {
			_ = os.RemoveAll(name) // another's is not ours to remove, and is not removed
		}
	}
}

// whileOpen is ctx until the window that the program runs in is closed: who starts it by double-click ends it so, and nothing may
// stay then either. Where hang-ups are ignored (nohup) they are ignored.
func whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

// alive tells whether a process is there.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	if runtime.GOOS == "windows" { // there it could be opened, so it is there
		return true
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, syscall.EPERM)
}
