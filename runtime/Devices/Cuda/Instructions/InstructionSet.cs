using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Types;
using ILGPU.IR.Values;
using CompoundRegister = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.CompoundRegister;
using HardwareRegister = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.HardwareRegister;
using PrimitiveRegister = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.PrimitiveRegister;
using Register = ILGPU.Backends.RegisterAllocator<ILGPU.Backends.PTX.PTXRegisterKind>.Register;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>How each instruction is printed. A new one needs a method with its meaning, and a line and a handler here.</summary>
public static class InstructionSet
{
    /// <summary>Makes the instructions known to a context.</summary>
    public static void Register(Context context)
    {
        ArgumentNullException.ThrowIfNull(context);
        foreach (var (owner, type, method, handler) in Instructions())
        {
            context.GetIntrinsicManager().RegisterMethod(
                type.GetMethod(method)!,
                new PTXIntrinsic(owner, handler, IntrinsicImplementationMode.GenerateCode));
        }
    }

    private static IEnumerable<(Type Owner, Type Type, string Method, string Handler)> Instructions()
        => All.Select(entry => (typeof(InstructionSet), entry.Type, entry.Method, entry.Handler))
            .Concat(HopperInstructions.All.Select(entry => (typeof(HopperInstructions), entry.Type, entry.Method, entry.Handler)));

    /// <summary>The methods that stand for instructions, and the handlers that print them.</summary>
    private static IEnumerable<(Type Type, string Method, string Handler)> All { get; } =
    [
        (typeof(TensorCore), nameof(TensorCore.MultiplyBF16), nameof(MultiplyBF16)),
        (typeof(TensorCore), nameof(TensorCore.MultiplyE4M3), nameof(MultiplyE4M3)),
        (typeof(TensorCore), nameof(TensorCore.LoadMatrices), nameof(LoadMatrices)),
        (typeof(TensorCore), nameof(TensorCore.LoadMatricesTurned), nameof(LoadMatricesTurned)),
        (typeof(Exponential), nameof(Exponential.OfTwo), nameof(PowerOfTwo)),
        (typeof(AsyncCopy), nameof(AsyncCopy.Shared), nameof(SharedAddress)),
        (typeof(AsyncCopy), nameof(AsyncCopy.Global), nameof(GlobalAddress)),
        (typeof(AsyncCopy), nameof(AsyncCopy.Copy), nameof(Copy)),
        (typeof(AsyncCopy), nameof(AsyncCopy.Commit), nameof(Commit)),
        (typeof(AsyncCopy), nameof(AsyncCopy.WaitAllBut), nameof(WaitAllBut)),
        (typeof(WideAccess), nameof(WideAccess.Load), nameof(LoadWide)),
        (typeof(WideAccess), nameof(WideAccess.LoadShared), nameof(LoadWideShared)),
        (typeof(WideAccess), nameof(WideAccess.Store), nameof(StoreWide)),
        (typeof(Narrowing), nameof(Narrowing.ToBF16), nameof(NarrowToBF16)),
        (typeof(Narrowing), nameof(Narrowing.ToE4M3), nameof(NarrowToE4M3)),
        (typeof(Widening), nameof(Widening.Multiply), nameof(MultiplyPairs)),
    ];

    private static void MultiplyBF16(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Multiply("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", generator, value);

    private static void MultiplyE4M3(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Multiply("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32", generator, value);

    private static void Multiply(string opcode, PTXCodeGenerator generator, Value value)
        => Write(generator, opcode, Vector(Flat(generator.Allocate(value))), Vector(Inputs(generator, value, 0, 4)), Vector(Inputs(generator, value, 4, 2)), Vector(Inputs(generator, value, 6, 4)));

    private static void LoadMatrices(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "ldmatrix.sync.aligned.m8n8.x4.shared.b16", Vector(Flat(generator.Allocate(value))), At(Input(generator, value, 0)));

    private static void LoadMatricesTurned(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16", Vector(Flat(generator.Allocate(value))), At(Input(generator, value, 0)));

    private static void PowerOfTwo(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "ex2.approx.ftz.f32", Name(generator.AllocateHardware(value)), Input(generator, value, 0));

    private static void SharedAddress(PTXBackend backend, PTXCodeGenerator generator, Value value) => Address("shared", generator, value);

    private static void GlobalAddress(PTXBackend backend, PTXCodeGenerator generator, Value value) => Address("global", generator, value);

    /// <summary>ILGPU knows the space of some pointers; the others are generic.</summary>
    private static void Address(string space, PTXCodeGenerator generator, Value value)
    {
        var generic = value[0].Type is AddressSpaceType { AddressSpace: MemoryAddressSpace.Generic };
        Write(generator, generic ? $"cvta.to.{space}.u64" : "mov.u64", Name(generator.AllocateHardware(value)), Input(generator, value, 0));
    }

    private static void Copy(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "cp.async.cg.shared.global", At(Input(generator, value, 0)), At(Input(generator, value, 1)), "16", Input(generator, value, 2));

    private static void Commit(PTXBackend backend, PTXCodeGenerator generator, Value value) => Write(generator, "cp.async.commit_group");

    private static void WaitAllBut(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var groups = value[0].Resolve() as PrimitiveValue
            ?? throw new NotSupportedException("AsyncCopy.WaitAllBut takes a constant; ILGPU could not fold its argument to one.");
        Write(generator, "cp.async.wait_group", FormattableString.Invariant($"{groups.Int32Value}"));
    }

    private static void LoadWide(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "ld.global.v4.f32", Vector(Flat(generator.Allocate(value))), At(Input(generator, value, 0)));

    private static void LoadWideShared(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "ld.shared.v4.b32", Vector(Flat(generator.Allocate(value))), At(Input(generator, value, 0)));

    private static void StoreWide(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "st.shared.v4.b32", At(Input(generator, value, 0)), Vector(Inputs(generator, value, 1, 4)));

    private static void NarrowToBF16(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "cvt.rn.bf16x2.f32", Name(generator.AllocateHardware(value)), Input(generator, value, 0), Input(generator, value, 1));

    private static void NarrowToE4M3(PTXBackend backend, PTXCodeGenerator generator, Value value)
        => Write(generator, "cvt.rn.satfinite.e4m3x2.f32", Name(generator.AllocateHardware(value)), Input(generator, value, 0), Input(generator, value, 1));

    /// <summary>There is no product alone before SM 90, hence −0 that is added.</summary>
    private static void MultiplyPairs(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        const string zero = "%zero";
        var (result, pair, other) = (Name(generator.AllocateHardware(value)), Input(generator, value, 0), Input(generator, value, 1));
        WriteScope(generator, [$".reg .b32 {zero};", $"mov.b32 {zero}, 0x80008000;", $"fma.rn.bf16x2 {result}, {pair}, {other}, {zero};"]);
    }

    /// <summary>Prints one instruction.</summary>
    internal static void Write(PTXCodeGenerator generator, string opcode, params string[] operands)
    {
        using var command = generator.BeginCommand(opcode);
        command.AppendRawString(" " + string.Join(", ", operands));
    }

    /// <summary>Prints lines with registers and labels of their own.</summary>
    internal static void WriteScope(PTXCodeGenerator generator, IReadOnlyList<string> lines)
        => generator.Builder.Append("\t{\n").AppendJoin("", lines.Select(line => "\t" + line + "\n")).Append("\t}\n");

    /// <summary>The register of an argument.</summary>
    internal static string Input(PTXCodeGenerator generator, Value value, int index)
        => Name(generator.EnsureHardwareRegister(generator.LoadPrimitive(value[index])));

    private static IEnumerable<string> Inputs(PTXCodeGenerator generator, Value value, int first, int count)
        => Enumerable.Range(first, count).Select(i => Input(generator, value, i)).ToArray();

    /// <summary>The registers of a struct's fields, those of structs in it among them.</summary>
    internal static IReadOnlyList<string> Flat(Register register)
        => register is CompoundRegister compound ? [.. compound.Children.SelectMany(Flat)] : [Name((HardwareRegister)register)];

    /// <summary>The same of an argument, whose fields may be constants.</summary>
    internal static IReadOnlyList<string> Flat(PTXCodeGenerator generator, Register register)
        => register is CompoundRegister compound ? [.. compound.Children.SelectMany(child => Flat(generator, child))] : [Name(generator.EnsureHardwareRegister((PrimitiveRegister)register))];

    private static string Name(HardwareRegister register) => "%" + PTXRegisterAllocator.GetStringRepresentation(register).TrimStart('%');

    private static string Vector(IEnumerable<string> registers) => "{" + string.Join(", ", registers) + "}";

    private static string At(string register) => "[" + register + "]";
}
