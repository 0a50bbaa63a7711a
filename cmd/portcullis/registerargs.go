package main

import "strings"

// spanned lets a span be written as people say it, --between A B, behind whom it is about; the flags are --between A and --and B.
func spanned(args []string) []string {
	if len(args) < 6 || args[0] != "register" || args[1] != "who-read" && args[1] != "what-read" || strings.HasPrefix(args[2], "-") {
		return args
	}
	for i, arg := range args[:len(args)-2] {
		if arg == "--" || arg == "--and" {
			return args
		}
		if arg != "--between" || strings.HasPrefix(args[i+2], "-") {
			continue
		}
		out := append([]string{}, args[:i+2]...)
		return append(append(out, "--and"), args[i+2:]...)
	}
	return args
}
