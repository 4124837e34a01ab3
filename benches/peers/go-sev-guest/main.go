// Verifies one SEV-SNP report with go-sev-guest, offline, and prints the median time of a verification.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/google/go-sev-guest/abi"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/verify"
)

const rounds = 300

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go-sev-guest DIRECTORY WITH report.bin AND vcek.der")
		os.Exit(2)
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(os.Args[1], name))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return data
	}
	report, vcek := read("report.bin"), read("vcek.der")
	options := verify.DefaultOptions()
	options.DisableCertFetching = true
	options.CheckRevocations = false
	options.Now = time.Unix(1790000000, 0)
	var times []float64
	for round := 0; round < rounds+rounds/10; round++ {
		start := time.Now()
		parsed, err := abi.ReportToProto(report)
		if err == nil {
			attestation := &spb.Attestation{
				Report:           parsed,
				CertificateChain: &spb.CertificateChain{VcekCert: vcek},
			}
			err = verify.SnpAttestation(attestation, options)
		}
		spent := time.Since(start)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if round >= rounds/10 {
			times = append(times, float64(spent.Nanoseconds()))
		}
	}
	sort.Float64s(times)
	fmt.Printf("go_sev_guest %.0f\n", times[len(times)/2])
}
