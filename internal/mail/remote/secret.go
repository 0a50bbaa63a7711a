package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// TokenSource gives an OAuth 2.0 access token that is good now. renew says that
// the last one was refused: a cached one must not be given again.
type TokenSource interface {
	Token(ctx context.Context, renew bool) (string, error)
}

// TokenFunc is a TokenSource.
type TokenFunc func(ctx context.Context, renew bool) (string, error)

// Token calls f.
func (f TokenFunc) Token(ctx context.Context, renew bool) (string, error) { return f(ctx, renew) }

// Secret is the path of a file with a password, token or key. Its content is
// read whenever it is needed and kept nowhere, so that a new secret takes
// effect with the next attempt to sign in.
type Secret string

// maxSecret bounds a secret. A private key of 16,384 bits is less.
const maxSecret = 64 << 10

// Read returns the file's content without the line break at its end. Neither
// the content nor a part of it is ever in the error.
func (s Secret) Read() (string, error) {
	b, err := s.Bytes()
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if strings.ContainsAny(text, "\r\n\x00") {
		return "", fmt.Errorf("%s holds more than one line; a secret is one line", string(s))
	}
	return text, nil
}

// Bytes returns the content as it is, for keys of several lines.
func (s Secret) Bytes() ([]byte, error) {
	if s == "" {
		return nil, errors.New("no file of a secret is named")
	}
	f, err := os.Open(string(s))
	if err != nil {
		return nil, fmt.Errorf("read a secret: %w", err)
	}
	defer f.Close()
	if err := ownerOnly(f); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a secret: %w", err)
	case len(b) > maxSecret:
		return nil, fmt.Errorf("%s is larger than any secret; is it the right file?", string(s))
	case len(bytes.TrimSpace(b)) == 0:
		return nil, fmt.Errorf("%s is empty; put the secret into it", string(s))
	}
	return b, nil
}

// Check says what would keep the file from being read.
func (s Secret) Check() error {
	_, err := s.Bytes()
	return err
}

// ownerOnly refuses a file that others may read. Windows has no such mode: there the folder's own
// permissions count, and are not looked at.
func ownerOnly(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("read a secret: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", f.Name())
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by others (mode %04o); run: chmod 600 %s", f.Name(), info.Mode().Perm(), f.Name())
	}
	return nil
}
