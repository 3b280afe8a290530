using System;
using System.Collections.Generic;
using System.Linq;
using ILGPU.Backends.PTX;
using ILGPU.IR;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>How the instructions of SM 90a are printed. Those of several lines have a scope of their own for what they need in between.</summary>
internal static class HopperInstructions
{
    /// <summary>A descriptor's constant part: the leading offset does not count with swizzling, eight rows are 1,024 bytes, swizzle of 128.</summary>
    private const long Layout = (1L << 16) | (1024L / 16 << 32) | (1L << 62);

    private const string Wait0 = "wgmma.wait_group.sync.aligned 0;";

    /// <summary>The methods that stand for instructions, and the handlers that print them.</summary>
    public static IEnumerable<(Type Type, string Method, string Handler)> All { get; } =
    [
        (typeof(Warpgroup), nameof(Warpgroup.MultiplyBF16), nameof(MultiplyBF16)),
        (typeof(Warpgroup), nameof(Warpgroup.MultiplyE4M3), nameof(MultiplyE4M3)),
        (typeof(Warpgroup), nameof(Warpgroup.BeginBF16), nameof(BeginBF16)),
        (typeof(Warpgroup), nameof(Warpgroup.Wait), nameof(WaitForProducts)),
        (typeof(Warpgroup), nameof(Warpgroup.Publish), nameof(PublishToProducts)),
        (typeof(Mbarrier), nameof(Mbarrier.Initialise), nameof(Initialise)),
        (typeof(Mbarrier), nameof(Mbarrier.Publish), nameof(Publish)),
        (typeof(Mbarrier), nameof(Mbarrier.Arrive), nameof(Arrive)),
        (typeof(Mbarrier), nameof(Mbarrier.ArriveExpecting), nameof(ArriveExpecting)),
        (typeof(Mbarrier), nameof(Mbarrier.Wait), nameof(Wait)),
        (typeof(TensorCopy), nameof(TensorCopy.Fetch), nameof(Fetch)),
    ];

    private static void MultiplyBF16(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var (moves, sums) = Moved(generator, value, 2);
        Multiply(generator, value, "m64n128k16.f32.bf16.bf16", ", 0, 0", moves, sums, fromZero: false, Wait0);
    }

    private static void MultiplyE4M3(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Multiply(generator, value, "m64n128k32.f32.e4m3.e4m3", "", [], InstructionSet.Flat(generator.Allocate(value)), fromZero: true, Wait0);

    private static void BeginBF16(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var (moves, sums) = Moved(generator, value, 2);
        Multiply(generator, value, "m64n256k16.f32.bf16.bf16", ", 0, 0", moves, sums, fromZero: false);
    }

    private static void WaitForProducts(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => InstructionSet.WriteScope(generator, [Wait0, .. Moved(generator, value, 0).Moves]);

    private static void PublishToProducts(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => InstructionSet.Write(generator, "fence.proxy.async.shared::cta");

    /// <summary>The registers of the result, and what brings an argument's numbers there.</summary>
    private static (IEnumerable<string> Moves, IReadOnlyList<string> Registers) Moved(PTXCodeGenerator generator, Value value, int argument)
    {
        var before = InstructionSet.Flat(generator, generator.Load(value[argument]));
        var after = InstructionSet.Flat(generator.Allocate(value));
        return (before.Zip(after, (from, to) => $"mov.f32 {to}, {from};"), after);
    }

    private static void Multiply(
        PTXCodeGenerator generator, Value value, string shape, string layouts, IEnumerable<string> moves, IEnumerable<string> sums, bool fromZero, params IEnumerable<string> after)
    {
        var (a, w) = (InstructionSet.Input(generator, value, 0), InstructionSet.Input(generator, value, 1));
        List<string> lines =
        [
            ".reg .b64 %a<4>, %w<4>;",
            .. moves,
            .. Descriptor("%a", a),
            .. Descriptor("%w", w),
            "wgmma.fence.sync.aligned;",
        ];
        for (var step = 0; step < 4; step++)
        {
            lines.Add($"wgmma.mma_async.sync.aligned.{shape} {{{string.Join(", ", sums)}}}, %a{step}, %w{step}, {(fromZero && step == 0 ? 0 : 1)}, 1, 1{layouts};");
        }

        InstructionSet.WriteScope(generator, [.. lines, "wgmma.commit_group.sync.aligned;", .. after]);
    }

    /// <summary>Of four steps of 32 bytes along the depth, which with swizzling are that many bytes on.</summary>
    private static IEnumerable<string> Descriptor(string name, string address) =>
    [
        $"and.b64 {name}0, {address}, 0x3FFFF;",
        $"shr.u64 {name}0, {name}0, 4;",
        FormattableString.Invariant($"or.b64 {name}0, {name}0, 0x{Layout:X};"),
        $"add.s64 {name}1, {name}0, 2;",
        $"add.s64 {name}2, {name}0, 4;",
        $"add.s64 {name}3, {name}0, 6;",
    ];

    private static void Initialise(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => InstructionSet.Write(generator, "mbarrier.init.shared::cta.b64", At(generator, value, 0), InstructionSet.Input(generator, value, 1));

    private static void Publish(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        InstructionSet.Write(generator, "fence.mbarrier_init.release.cluster");
        InstructionSet.Write(generator, "fence.proxy.async");
    }

    private static void Arrive(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => InstructionSet.Write(generator, "mbarrier.arrive.shared::cta.b64", "_", At(generator, value, 0));

    private static void ArriveExpecting(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => InstructionSet.Write(generator, "mbarrier.arrive.expect_tx.shared::cta.b64", "_", At(generator, value, 0), InstructionSet.Input(generator, value, 1));

    private static void Wait(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var (barrier, parity) = (At(generator, value, 0), InstructionSet.Input(generator, value, 1));
        InstructionSet.WriteScope(generator, [".reg .pred %done;", "AGAIN:", $"mbarrier.try_wait.parity.shared::cta.b64 %done, {barrier}, {parity};", "@!%done bra AGAIN;"]);
    }

    private static void Fetch(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var (map, x, y) = (InstructionSet.Input(generator, value, 1), InstructionSet.Input(generator, value, 2), InstructionSet.Input(generator, value, 3));
        InstructionSet.Write(
            generator, "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes", At(generator, value, 0), $"[{map}, {{{x}, {y}}}]", At(generator, value, 4));
    }

    private static string At(PTXCodeGenerator generator, Value value, int index) => "[" + InstructionSet.Input(generator, value, index) + "]";
}
