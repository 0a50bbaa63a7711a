//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// PostgreSQL refuses to run as root; the user postgres that its package makes does it then.

func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres: run the demo as an ordinary user")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// giveToPostgres lets the server's user into its folder and through the one above.
func giveToPostgres(above, dir string) error {
	who, err := postgresUser()
	if err != nil || who == nil {
		return err
	}
	return errors.Join(os.Chmod(above, 0o711), os.Chown(dir, int(who.Uid), int(who.Gid)))
}

func asPostgres(cmd *exec.Cmd) {
	if who, err := postgresUser(); err == nil && who != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	}
}
