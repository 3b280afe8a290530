using Sinter.Command;

return await CommandLine.Run(args);
