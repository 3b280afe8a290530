using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Operations;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Decoding;

/// <summary>
/// Turns a kernel's statements into operations. Constants and special registers become registers that are filled
/// before the kernel starts; device functions are placed at each call.
/// </summary>
internal sealed class KernelDecoder
{
    private const int DeepestCall = 64;
    private readonly LoadedModule _module;
    private readonly Function _entry;
    private readonly List<Operation> _operations = [];
    private readonly List<string> _registers = ["_", "the carry flag"];
    private readonly Dictionary<ulong, int> _constants = [];
    private readonly Dictionary<string, int> _specials = new(StringComparer.Ordinal);
    private readonly Dictionary<string, VariableSymbol> _shared = new(StringComparer.Ordinal);
    private readonly List<(LabelSymbol Label, SourcePosition Position)> _used = [];
    private readonly List<Parameter> _parameters = [];
    private readonly List<string> _dynamicShared = [];
    private int _sharedBytes;
    private int _localBytes;
    private int _callDepth;

    public KernelDecoder(LoadedModule module, Function entry)
    {
        _module = module;
        _entry = entry;
        var shared = module.Syntax.Variables.Values.Concat(Variables(entry.Body!)).Where(variable => variable.Space.StartsWith(".shared", StringComparison.Ordinal));
        foreach (var variable in shared.OrderBy(variable => Layout.Bytes(variable) == 0))
        {
            PlaceShared(variable);
        }
    }

    public int Sink => 0;

    public int Carry => 1;

    public KernelCode Decode()
    {
        var names = new NameTable(null);
        var offset = 0;
        foreach (var parameter in _entry.Parameters.OfType<Variable>())
        {
            var bytes = checked((int)Layout.Bytes(parameter));
            offset = Layout.Up(offset, Layout.Alignment(parameter));
            _parameters.Add(new Parameter(parameter.Name, Layout.Type(parameter.Type, parameter.Position), offset, bytes));
            names.Add(parameter.Name, new VariableSymbol(Space.Parameter, (ulong)offset));
            offset += bytes;
        }

        DecodeScope(_entry.Body!, new NameTable(names), null);
        _operations.Add(new Operation("exit", "exit", _entry.Position.Line, static (warp, active) => warp.Exit(active)));
        foreach (var (label, position) in _used)
        {
            if (label.Place < 0)
            {
                throw new PtxException($"the label '{label.Name}' is not in this function.", position);
            }
        }

        var dynamicStart = AddressSpace.SharedStart + _sharedBytes;
        return new KernelCode
        {
            Name = _entry.Name,
            Operations = _operations,
            RegisterNames = _registers,
            Constants = [.. _constants.Select(entry => new ConstantRegister(entry.Value, entry.Key))],
            Specials = [.. _specials.Select(entry => new SpecialRegister(entry.Value, entry.Key))],
            Parameters = _parameters,
            ParameterBytes = offset,
            StaticSharedBytes = dynamicStart - AddressSpace.SharedStart,
            UsesDynamicShared = _dynamicShared.Count > 0,
            LocalBytes = _localBytes,
            RequiredBlock = _entry.Directives.TryGetValue(".reqntid", out var size) ? Size(size) : null,
            MostThreads = _entry.Directives.TryGetValue(".maxntid", out size) ? Size(size).Size : null,
        };
    }

    public int Constant(ulong value)
    {
        if (!_constants.TryGetValue(value, out var register))
        {
            _constants[value] = register = NewRegister($"the constant {value}");
        }

        return register;
    }

    public int Special(Name name)
    {
        if (!SpecialRegisters.IsKnown(name.Text))
        {
            throw new PtxException($"'{name.Text}' is not a declared register nor a special register known here.", name.Position);
        }

        if (!_specials.TryGetValue(name.Text, out var register))
        {
            _specials[name.Text] = register = NewRegister(name.Text);
        }

        return register;
    }

    public LabelSymbol Label(NameTable names, Name name)
    {
        if (names.Find(name.Text) is not LabelSymbol label)
        {
            throw new PtxException($"the label '{name.Text}' is not in this function.", name.Position);
        }

        _used.Add((label, name.Position));
        return label;
    }

    public Symbol? ModuleVariable(string name)
        => _shared.TryGetValue(name, out var shared) ? shared : _module.Global(name);

    private static IEnumerable<Variable> Variables(IReadOnlyList<Statement> body)
        => body.OfType<Variable>().Concat(body.OfType<Scope>().SelectMany(scope => Variables(scope.Body)));

    private static Dimensions Size(IReadOnlyList<long> size)
        => new((int)size[0], size.Count > 1 ? (int)size[1] : 1, size.Count > 2 ? (int)size[2] : 1);

    private int NewRegister(string name)
    {
        _registers.Add(name);
        return _registers.Count - 1;
    }

    private void DecodeScope(IReadOnlyList<Statement> body, NameTable names, LabelSymbol? returns)
    {
        foreach (var label in body.OfType<LabelStatement>())
        {
            if (!names.Add(label.Name, new LabelSymbol(label.Name)))
            {
                throw new PtxException($"'{label.Name}' is already declared.", label.Position);
            }
        }

        foreach (var statement in body)
        {
            switch (statement)
            {
                case LabelStatement label:
                    ((LabelSymbol)names.Find(label.Name)!).Place = _operations.Count;
                    break;
                case Scope scope:
                    DecodeScope(scope.Body, new NameTable(names), returns);
                    break;
                case RegisterDeclaration declaration:
                    Declare(declaration, names);
                    break;
                case Variable variable:
                    Declare(variable, names);
                    break;
                case Instruction { Opcode: "call" or "call.uni" } call:
                    DecodeCall(call, names);
                    break;
                case Instruction instruction:
                    DecodeInstruction(instruction, names, returns);
                    break;
            }
        }
    }

    private void Declare(RegisterDeclaration declaration, NameTable names)
    {
        var type = Layout.Type(declaration.Type, declaration.Position);
        if (declaration.VectorLength != 1)
        {
            throw new PtxException("vector registers are not supported; use braces around scalar registers.", declaration.Position);
        }

        var first = _registers.Count;
        if (declaration.Count < 0)
        {
            NewRegister(declaration.Name);
            names.Add(declaration.Name, new RegisterSymbol(first, type));
            return;
        }

        for (var i = 0; i < declaration.Count; i++)
        {
            NewRegister($"{declaration.Name}{i}");
        }

        names.AddRange(declaration.Name, declaration.Count, first, type);
    }

    private void Declare(Variable variable, NameTable names)
    {
        VariableSymbol symbol;
        switch (variable.Space)
        {
            case ".local" or ".param":
                _localBytes = Layout.Up(_localBytes, Layout.Alignment(variable));
                symbol = new VariableSymbol(Space.Local, (ulong)(_localBytes + AddressSpace.LocalStart));
                _localBytes += checked((int)Layout.Bytes(variable));
                break;
            case ".shared" or ".shared::cta":
                symbol = PlaceShared(variable);
                break;
            default:
                throw new PtxException($"a {variable.Space} variable belongs outside functions.", variable.Position);
        }

        if (!names.Add(variable.Name, symbol))
        {
            throw new PtxException($"'{variable.Name}' is already declared.", variable.Position);
        }
    }

    /// <summary>Static variables come first; dynamic shared memory starts after all of them, so it is placed at first use.</summary>
    private VariableSymbol PlaceShared(Variable variable)
    {
        if (_shared.TryGetValue(variable.Name, out var known))
        {
            return known;
        }

        if (_dynamicShared.Count == 0 || !variable.External)
        {
            _sharedBytes = Layout.Up(_sharedBytes, Math.Max(Layout.Alignment(variable), variable.External ? 16 : 1));
        }

        var symbol = new VariableSymbol(Space.Shared, (ulong)(AddressSpace.SharedStart + _sharedBytes));
        if (variable.External && Layout.Bytes(variable) == 0)
        {
            _dynamicShared.Add(variable.Name);
        }
        else if (_dynamicShared.Count > 0)
        {
            throw new PtxException("declare extern shared memory after all static shared variables.", variable.Position);
        }
        else
        {
            _sharedBytes += checked((int)Layout.Bytes(variable));
        }

        return _shared[variable.Name] = symbol;
    }

    private void DecodeInstruction(Instruction instruction, NameTable names, LabelSymbol? returns)
    {
        var site = new Site(this, names, instruction) { Return = returns };
        if (!InstructionTable.TryFind(site.Root, out var decode))
        {
            throw site.Error($"the instruction '{site.Root}' is not known here.");
        }

        var run = decode(site);
        if (site.Left.Count > 0)
        {
            throw site.Error($"{instruction.Opcode}: the modifier .{site.Left[0]} is not known here.");
        }

        Emit(instruction, names, run, site.Convergence, site.Members);
    }

    private void Emit(Instruction instruction, NameTable names, Execute run, Convergence convergence, int members)
    {
        var predicate = -1;
        if (instruction.Predicate is { } guard)
        {
            predicate = names.Find(guard) is RegisterSymbol { Type.Kind: TypeKind.Predicate } register
                ? register.Register
                : throw new PtxException($"'{guard}' is not a predicate register.", instruction.Position);
        }

        _operations.Add(new Operation(instruction.Opcode, instruction.Text, instruction.Position.Line, run)
        {
            Predicate = predicate,
            PredicateNegated = instruction.PredicateNegated,
            Convergence = convergence,
            Members = members,
        });
    }

    /// <summary>Places the function's body here; lanes that do not call go past it.</summary>
    private void DecodeCall(Instruction call, NameTable names)
    {
        var operands = call.Operands;
        var returned = operands.Count > 0 && operands[0] is Group group ? group.Elements : [];
        var rest = operands.Skip(returned.Count > 0 ? 1 : 0).ToList();
        if (rest.Count == 0 || rest[0] is not Name target || !_module.Syntax.Functions.TryGetValue(target.Text, out var function) || function.Body is null)
        {
            throw new PtxException("only direct calls of functions with a body in the same module are supported.", call.Position);
        }

        if (++_callDepth > DeepestCall)
        {
            throw new PtxException($"calls nest deeper than {DeepestCall}; recursion is not supported.", call.Position);
        }

        var arguments = rest.Count > 1 && rest[1] is Group given ? given.Elements : [];
        var inner = new NameTable(null);
        var after = new LabelSymbol("the end of the call");
        Bind(function.Returns, returned, inner, names, call);
        Bind(function.Parameters, arguments, inner, names, call);
        if (call.Predicate is not null)
        {
            var opposite = call with { PredicateNegated = !call.PredicateNegated };
            Emit(opposite, names, (warp, active) => warp.Branch(active, after.Place), Convergence.None, -1);
        }

        DecodeScope(function.Body, new NameTable(inner), after);
        after.Place = _operations.Count;
        _callDepth--;
    }

    /// <summary>Parameters of a function are the caller's variables or registers under another name.</summary>
    private void Bind(IReadOnlyList<Statement> formals, IReadOnlyList<Operand> actuals, NameTable inner, NameTable names, Instruction call)
    {
        if (formals.Count != actuals.Count)
        {
            throw new PtxException($"the call gives {actuals.Count} values where the function has {formals.Count}.", call.Position);
        }

        var site = new Site(this, names, call);
        for (var i = 0; i < formals.Count; i++)
        {
            if (formals[i] is RegisterDeclaration register)
            {
                var type = Layout.Type(register.Type, register.Position);
                inner.Add(register.Name, new RegisterSymbol(site.In(actuals[i], type), type));
            }
            else
            {
                var symbol = site.Variable(actuals[i])
                    ?? throw new PtxException("a .param value must be a .param variable.", actuals[i].Position);
                inner.Add(((Variable)formals[i]).Name, symbol);
            }
        }
    }
}
