//go:build !linux

package wire

import "context"

// wheel is for Linux: elsewhere every session has a goroutine for each direction.
type wheel struct{}

type wheels struct{}

func (*wheels) close()                                             {}
func (*Server) wheelFor(*session) *wheel                           { return nil }
func (*session) leave()                                            {}
func (*session) runOn(context.Context, *wheel, context.CancelFunc) {}
