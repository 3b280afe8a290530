using System;
using System.Collections.Generic;
using System.Globalization;

namespace Sinter.Ptx.Text;

/// <summary>The text of a module, read.</summary>
internal sealed record Module(
    string Version,
    string Target,
    IReadOnlyDictionary<string, Variable> Variables,
    IReadOnlyDictionary<string, Function> Functions);

/// <summary>Reads a module: directives, variables and functions (PTX ISA, section 11, "Directives").</summary>
internal sealed class ModuleParser
{
    private readonly TokenReader _reader;
    private readonly Dictionary<string, Variable> _variables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Function> _functions = new(StringComparer.Ordinal);
    private string _version = "";
    private string _target = "";

    private ModuleParser(string text) => _reader = new TokenReader(new Lexer(text).Read());

    public static Module Parse(string text)
    {
        var parser = new ModuleParser(text);
        while (parser._reader.Current.Kind != TokenKind.End)
        {
            parser.ReadDirective();
        }

        if (parser._version.Length == 0 || parser._target.Length == 0)
        {
            throw new PtxException("a module starts with .version and .target; one is missing.", new SourcePosition(1, 1));
        }

        return new Module(parser._version, parser._target, parser._variables, parser._functions);
    }

    private void ReadDirective()
    {
        var token = _reader.Current;
        if (token.Kind != TokenKind.Directive)
        {
            throw _reader.Error($"expected a directive, but here is '{token.Text}'.");
        }

        switch (token.Text)
        {
            case ".version":
                _reader.Take();
                _version = _reader.Expect(TokenKind.Number, "a version").Text;
                CheckVersion(token.Position);
                break;
            case ".target":
                _reader.Take();
                _target = _reader.Expect(TokenKind.Word, "a target").Text;
                while (_reader.TakeIf(","))
                {
                    _reader.Expect(TokenKind.Word, "a target option");
                }

                break;
            case ".address_size":
                _reader.Take();
                if (_reader.Integer("64") != 64)
                {
                    throw new PtxException("only 64-bit addresses are supported.", token.Position);
                }

                break;
            case ".file" or ".loc":
                _reader.SkipLine();
                break;
            case ".section":
                _reader.Take();
                _reader.Take();
                _reader.SkipBraces();
                break;
            default:
                ReadDeclaration();
                break;
        }
    }

    private void CheckVersion(SourcePosition position)
    {
        var value = double.Parse(_version, CultureInfo.InvariantCulture);
        if (value is < 6.0 or >= 9.0)
        {
            throw new PtxException($"PTX version {_version} is not known here (6.0 to 8.x).", position);
        }
    }

    private void ReadDeclaration()
    {
        var external = false;
        while (_reader.Is(".visible") || _reader.Is(".extern") || _reader.Is(".weak") || _reader.Is(".common"))
        {
            external |= _reader.Take().Text == ".extern";
        }

        if (_reader.Is(".entry") || _reader.Is(".func"))
        {
            var function = ReadFunction();
            if (!_functions.TryGetValue(function.Name, out var earlier) || earlier.Body is null)
            {
                _functions[function.Name] = function;
            }
            else if (function.Body is not null)
            {
                throw new PtxException($"'{function.Name}' is already defined at line {earlier.Position.Line}.", function.Position);
            }

            return;
        }

        foreach (var variable in DeclarationParser.ReadVariables(_reader, external))
        {
            if (!_variables.TryAdd(variable.Name, variable))
            {
                throw new PtxException($"'{variable.Name}' is already declared.", variable.Position);
            }
        }
    }

    private Function ReadFunction()
    {
        var isEntry = _reader.Take().Text == ".entry";
        IReadOnlyList<Statement> returns = [];
        if (!isEntry && _reader.Is("("))
        {
            returns = DeclarationParser.ReadParameters(_reader);
        }

        while (_reader.Current.Kind == TokenKind.Directive)
        {
            _reader.Take(); // .noreturn before the name
        }

        var name = _reader.Expect(TokenKind.Word, "the function's name");
        IReadOnlyList<Statement> parameters = _reader.Is("(") ? DeclarationParser.ReadParameters(_reader) : [];
        var directives = new Dictionary<string, IReadOnlyList<long>>(StringComparer.Ordinal);
        while (_reader.Current.Kind == TokenKind.Directive)
        {
            var directive = _reader.Take().Text;
            var values = new List<long>();
            if (_reader.Current.Kind == TokenKind.Number)
            {
                do
                {
                    values.Add(_reader.Integer("a number"));
                }
                while (_reader.TakeIf(","));
            }

            if (directive == ".pragma")
            {
                _reader.Expect(TokenKind.Text, "the pragma's text");
                _reader.Expect(";");
            }

            directives[directive] = values;
        }

        IReadOnlyList<Statement>? body = null;
        if (!_reader.TakeIf(";"))
        {
            body = BodyParser.Read(_reader);
        }

        return new Function(isEntry, name.Text, returns, parameters, body, directives, name.Position);
    }
}
