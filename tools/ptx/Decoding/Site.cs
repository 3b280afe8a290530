using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Decoding;

/// <summary>An address operand: a register plus an offset; the space of the variable it names, if it names one.</summary>
internal readonly record struct AddressOperand(int Base, ulong Offset, Space? Space);

/// <summary>
/// An instruction while it is decoded. Decoders take the modifiers that they know; what is left over is an error, so
/// that no modifier is passed over in silence.
/// </summary>
internal sealed class Site
{
    private readonly List<string> _modifiers;
    private readonly KernelDecoder _kernel;

    public Site(KernelDecoder kernel, NameTable names, Instruction instruction)
    {
        _kernel = kernel;
        Names = names;
        Instruction = instruction;
        var parts = instruction.Opcode.Split('.');
        Root = parts[0];
        _modifiers = [.. parts.Skip(1)];
    }

    public Instruction Instruction { get; }

    public NameTable Names { get; }

    public string Root { get; }

    public IReadOnlyList<Operand> Operands => Instruction.Operands;

    public Convergence Convergence { get; set; }

    public int Members { get; set; } = -1;

    /// <summary>Modifiers not taken yet.</summary>
    public List<string> Left => _modifiers;

    /// <summary>Where ret goes in a device function; null in a kernel.</summary>
    public LabelSymbol? Return { get; init; }

    public int Carry => _kernel.Carry;

    public bool Take(string modifier) => _modifiers.Remove(modifier);

    /// <summary>Takes the first of these that is there, or null.</summary>
    public string? TakeAny(params ReadOnlySpan<string> choices)
    {
        foreach (var choice in choices)
        {
            if (Take(choice))
            {
                return choice;
            }
        }

        return null;
    }

    public string TakeOne(params ReadOnlySpan<string> choices)
        => TakeAny(choices) ?? throw Error($"{Root} needs one of .{string.Join(", .", choices.ToArray())}.");

    /// <summary>Takes the next modifier that is a type.</summary>
    public DataType TakeType() => TakeTypeIf() ?? throw Error($"{Root} needs a type.");

    public DataType? TakeTypeIf()
    {
        for (var i = 0; i < _modifiers.Count; i++)
        {
            if (DataType.TryFind(_modifiers[i], out var type))
            {
                _modifiers.RemoveAt(i);
                return type;
            }
        }

        return null;
    }

    public PtxException Error(string message) => new(message, Instruction.Position);

    public void Count(int least, int most = 0)
    {
        if (Operands.Count < least || Operands.Count > Math.Max(least, most))
        {
            throw Error($"{Instruction.Opcode} does not take {Operands.Count} operands.");
        }
    }

    /// <summary>The register to read an operand from; constants and special registers have registers too.</summary>
    public int In(int operand, DataType type) => In(Operand(operand), type);

    public int In(Operand operand, DataType type)
    {
        switch (operand)
        {
            case Number number:
                return _kernel.Constant(type == DataType.Predicate ? number.Bits & 1 : Layout.Constant(number, type));
            case Name name when Names.Find(name.Text) is RegisterSymbol register:
                Fit(register.Type, type, operand);
                return register.Register;
            case Name name when name.Text.StartsWith('%'):
                return _kernel.Special(name);
            case Name { Text: "WARP_SZ" }:
                return _kernel.Constant(Warp.Lanes);
            case Name name when Find(name) is VariableSymbol variable:
                return _kernel.Constant(variable.Address);
            case Sum { Base: Name name } sum when Find(name) is VariableSymbol variable:
                return _kernel.Constant(variable.Address + (ulong)sum.Offset);
            default:
                throw new PtxException($"'{OperandParser.Show(operand)}' is not declared or cannot be read here.", operand.Position);
        }
    }

    /// <summary>The register to write an operand to.</summary>
    public int Out(int operand, DataType type) => Out(Operand(operand), type);

    public int Out(Operand operand, DataType type)
    {
        switch (operand)
        {
            case Name { Text: "_" }:
                return _kernel.Sink;
            case Name name when Names.Find(name.Text) is RegisterSymbol register:
                Fit(register.Type, type, operand);
                return register.Register;
            default:
                throw new PtxException($"'{OperandParser.Show(operand)}' is not a register that can be written.", operand.Position);
        }
    }

    public int[] InAll(int operand, DataType type, int count = -1) => [.. Elements(operand, count).Select(element => In(element, type))];

    public int[] OutAll(int operand, DataType type, int count = -1) => [.. Elements(operand, count).Select(element => Out(element, type))];

    /// <summary>The bits that each register of an operand has; a load may be narrower than its register.</summary>
    public ulong[] Masks(int operand) => [.. Elements(operand, -1).Select(element => element is Name name && Names.Find(name.Text) is RegisterSymbol register ? register.Type.Mask : 0)];

    public AddressOperand At(int operand) => Operand(operand) is Address address
        ? At(address)
        : throw new PtxException("expected an address in brackets.", Operand(operand).Position);

    public AddressOperand At(Address address)
    {
        if (address.Base is Name name && Find(name) is VariableSymbol variable)
        {
            return new AddressOperand(_kernel.Constant(variable.Address), (ulong)address.Offset, variable.Space);
        }

        var type = address.Base is Name register && Names.Find(register.Text) is RegisterSymbol found ? found.Type : DataType.U64;
        if (type.Bits < 32)
        {
            throw new PtxException("an address has 32 or 64 bits.", address.Position);
        }

        return new AddressOperand(In(address.Base, type), (ulong)address.Offset, null);
    }

    public LabelSymbol Label(int operand) => Operand(operand) is Name name
        ? _kernel.Label(Names, name)
        : throw Error("expected a label.");

    /// <summary>A constant operand.</summary>
    public long Immediate(int operand) => Operand(operand) is Number { Kind: NumberKind.Integer } number
        ? (long)number.Bits
        : throw new PtxException("expected an integer constant.", Operand(operand).Position);

    public Operand Operand(int index) => index < Operands.Count
        ? Operands[index]
        : throw Error($"{Instruction.Opcode} needs more than {Operands.Count} operands.");

    public int ConstantRegister(ulong value) => _kernel.Constant(value);

    public VariableSymbol? Variable(Operand operand) => operand is Name name ? Find(name) as VariableSymbol : null;

    private Symbol? Find(Name name) => Names.Find(name.Text) ?? _kernel.ModuleVariable(name.Text);

    private IReadOnlyList<Operand> Elements(int operand, int count)
    {
        IReadOnlyList<Operand> elements = Operand(operand) is VectorOperand vector ? vector.Elements : [Operand(operand)];
        return count < 0 || elements.Count == count
            ? elements
            : throw new PtxException($"expected {count} registers, but here are {elements.Count}.", Operand(operand).Position);
    }

    private static void Fit(DataType register, DataType type, Operand operand)
    {
        if (register.Bits < type.Bits || (register == DataType.Predicate) != (type == DataType.Predicate))
        {
            throw new PtxException($"'{OperandParser.Show(operand)}' is a .{register.Name} register, too small or of the wrong kind for .{type.Name}.", operand.Position);
        }
    }
}
