//go:build ignore

// Builds the policy: `go run build.go`. Puts wasm-tools into `build/tools`, with python3.
package main

import (
	"log"
	"os"
	"os/exec"
)

const (
	tools    = "build/tools"
	module   = "build/module.wasm"
	embedded = "build/embedded.wasm"
	adapter  = "wasi_snapshot_preview1=adapter/wasi_snapshot_preview1.reactor.wasm"
)

func main() {
	log.SetFlags(0)
	install()
	// The runtime of the bindings names a function of Go's own runtime, which is off by default.
	os.Setenv("GOOS", "wasip1")
	os.Setenv("GOARCH", "wasm")
	// What a panic prints names files of the module, and not of this machine.
	run("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-checklinkname=0 -s -w", "-o", module, ".")
	wasm := tools + "/bin/wasm-tools"
	run(wasm, "component", "embed", "wit", "--world", "house-rules", module, "-o", embedded)
	run(wasm, "component", "new", embedded, "--adapt", adapter, "-o", "build/house-rules.wasm")
}

func install() {
	wanted, err := os.ReadFile("requirements.txt")
	if err != nil {
		log.Fatal("run me in the folder of the policy: ", err)
	}
	stamp := tools + "/installed-from"
	if installed, err := os.ReadFile(stamp); err == nil && string(installed) == string(wanted) {
		return
	}
	run("python3", "-m", "venv", "--clear", tools)
	pip := tools + "/bin/pip"
	run(pip, "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
	if err := os.WriteFile(stamp, wanted, 0o644); err != nil {
		log.Fatal(err)
	}
}

func run(program string, arguments ...string) {
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		log.Fatalf("%s %v: %v", program, arguments, err)
	}
}
